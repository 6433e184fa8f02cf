import { quoted, renderPosixTables } from "./posix_tables.ts";
import type { CompletionTables, Offer } from "./tables.ts";

/** For zsh from 5 on. compadd quotes what it inserts. */
export function renderZsh(tables: CompletionTables): string[] {
  return [
    "#compdef buri",
    "# Completion of buri for zsh. Made by `buri completion zsh`.",
    "",
    ...renderPosixTables(tables),
    "",
    "_buri_first=(",
    ...tables.first.map((offer) => `  ${quoted(described(offer))}`),
    ")",
    "",
    ...MAIN.split("\n"),
  ];
}

/** As \`_describe\` takes it. */
function described({ word, summary }: Offer): string {
  return `${word.replaceAll(":", "\\:")}:${summary}`;
}

const MAIN = String.raw`_buri() {
  local command= kind= word REPLY
  integer position=0 i
  local -a found before=("\${(@Q)words[2,CURRENT-1]}")
  for ((i = 1; i <= $#before; i++)); do
    word=$before[i] kind=
    if [[ $word == -* ]]; then
      _buri_option_kind "$command" "$word" || continue
      ((i++))
      ((i > $#before)) && kind=$REPLY
    elif [[ -z $command ]]; then
      command=$word
    elif ((position == 0)) && _buri_second "$command" && [[ " $REPLY " == *" $word "* ]]; then
      command+=" $word"
    else
      ((position++))
    fi
  done
  if [[ -z $kind && $PREFIX == --*=* ]]; then
    _buri_option_kind "$command" "\${PREFIX%%=*}" && kind=$REPLY
    compset -P '*='
  elif [[ -z $kind && $PREFIX == -* ]]; then
    _buri_options "$command" && kind="words $REPLY"
  elif [[ -z $kind && -z $command ]]; then
    _describe -t commands command _buri_first
    return
  elif [[ -z $kind ]]; then
    _buri_argument_kind "$command" "$position" && kind=$REPLY
    ((position == 0)) && _buri_second "$command" && kind="words $REPLY"
  fi
  case $kind in
    words*)
      found=(\${=kind#words})
      compadd -a found
      ;;
    networks | peers)
      found=("\${(@f)$("\${(Q)words[1]}" __complete "$kind" "\${(Q)PREFIX}" "\${before[@]}" 2>/dev/null </dev/null)}")
      compadd -a found
      ;;
    files) _files ;;
    folders) _files -/ ;;
  esac
}

if [[ $funcstack[1] == _buri ]]; then
  _buri "$@"
else
  compdef _buri buri
fi`.replaceAll("\\$", "$");
