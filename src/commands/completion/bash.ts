import { quoted, renderPosixTables } from "./posix_tables.ts";
import type { CompletionTables } from "./tables.ts";

/**
 * For bash from 4.4 on. Names come from other people: each is quoted for the shell (`printf %q`), and inside quotes only
 * those are offered that no quote can change.
 */
export function renderBash(tables: CompletionTables): string[] {
  const first = tables.first.map(({ word }) => word).join(" ");
  return [
    "# Completion of buri for bash. Made by `buri completion bash`.",
    "",
    ...renderPosixTables(tables),
    "",
    ...MAIN.replace("FIRST_WORDS", () => quoted(first)).split("\n"),
  ];
}

const MAIN = String.raw`# Lines on stdin: offers those that begin as the current word does.
_buri_offer() {
  local cur=$1 line mark=
  case $cur in
    \"* | \'*) mark=\${cur:0:1} cur=\${cur:1} ;;
    *) cur=\${cur//\\/} ;;
  esac
  while IFS= read -r line; do
    [[ $line == "$cur"* ]] || continue
    if [[ -n $mark ]]; then
      [[ $line == *[^[:alnum:]\ ._@+-]* ]] && continue
    else
      printf -v line %q "$line"
    fi
    COMPREPLY+=("$line")
  done
}

_buri() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command= kind= word REPLY
  local -i position=0 i
  local -a before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  [[ $cur == '=' ]] && cur=
  for ((i = 0; i < \${#before[@]}; i++)); do
    word=\${before[i]} kind=
    if [[ $word == -* ]]; then
      _buri_option_kind "$command" "$word" || continue
      [[ \${before[i + 1]-} == '=' ]] && i+=1
      i+=1
      ((i >= \${#before[@]})) && kind=$REPLY
    elif [[ -z $command ]]; then
      command=$word
    elif ((position == 0)) && _buri_second "$command" && [[ " $REPLY " == *" $word "* ]]; then
      command+=" $word"
    else
      position+=1
    fi
  done
  COMPREPLY=()
  if [[ -z $kind && $cur == -* ]]; then
    _buri_options "$command" && kind="words $REPLY"
  elif [[ -z $kind && -z $command ]]; then
    kind="words "FIRST_WORDS
  elif [[ -z $kind ]]; then
    _buri_argument_kind "$command" "$position" && kind=$REPLY
    ((position == 0)) && _buri_second "$command" && kind="words $REPLY"
  fi
  case $kind in
    words*) _buri_offer "$cur" < <(printf '%s\n' \${kind#words}) ;;
    networks | peers)
      _buri_offer "$cur" < <("\${COMP_WORDS[0]}" __complete "$kind" "\${cur#[\"\']}" "\${before[@]}" 2>/dev/null </dev/null)
      ;;
    files) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    folders) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
  esac
}

complete -F _buri buri`.replaceAll("\\$", "$");
