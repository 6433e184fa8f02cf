import type { CompletionTables, Kind, Offer } from "./tables.ts";

/** For fish from 3 on, which quotes what it inserts. */
export function renderFish(tables: CompletionTables): string[] {
  return [
    "# Completion of buri for fish. Made by `buri completion fish`.",
    "",
    "# COMMAND OPTION: what the value of the option is, nothing for a switch.",
    ...switchFunction("__buri_option_kind", kindCases(tables.optionKinds)),
    "",
    "# COMMAND INDEX: what this argument is.",
    ...switchFunction("__buri_argument_kind", kindCases(tables.argumentKinds)),
    "",
    "# COMMAND: its options.",
    ...switchFunction("__buri_options", offerCases(tables.options), OFFER),
    "",
    "# WORD: the second words of commands that begin with it; of nothing the first words.",
    ...switchFunction("__buri_words", offerCases(new Map([["", tables.first], ...tables.second])), OFFER),
    "",
    ...MAIN.split("\n"),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

type Case = readonly [patterns: string, answers: readonly string[]];

function kindCases(places: ReadonlyMap<Kind, readonly string[]>): Case[] {
  return [...places].map(([kind, where]) => [where.map(quoted).join(" "), kind.split(" ")]);
}

function offerCases(offers: ReadonlyMap<string, readonly Offer[]>): Case[] {
  return [...offers].map(([name, some]) => [quoted(name), some.flatMap(({ word, summary }) => [word, summary])]);
}

/** A word and what it is for, as fish takes them. */
const OFFER = "%s\\t%s\\n";

/** Prints the answers in this format, as often as they fill it. */
function switchFunction(name: string, cases: readonly Case[], format = "%s\\n"): string[] {
  return [
    `function ${name}`,
    `    switch "$argv"`,
    ...cases.flatMap(([patterns, answers]) => [
      `        case ${patterns}`,
      `            printf '${format}' ${answers.map(quoted).join(" ")}`,
    ]),
    "    end",
    "end",
  ];
}

const MAIN = String.raw`function __buri_complete
    set -l tokens (commandline -opc)
    set -l before $tokens[2..-1]
    set -l current (commandline -ct)
    set -l command ''
    set -l position 0
    set -l kind
    set -l i 1
    while test $i -le (count $before)
        set -l word $before[$i]
        set kind
        if string match -q -- '-*' $word
            set -l value (__buri_option_kind $command $word)
            if test -n "$value"
                set i (math $i + 1)
                test $i -gt (count $before); and set kind $value
            end
        else if test -z "$command"
            set command $word
        else if test $position -eq 0; and contains -- $word (__buri_words $command | string replace -r '\t.*' '')
            set command "$command $word"
        else
            set position (math $position + 1)
        end
        set i (math $i + 1)
    end
    if test -z "$kind"; and string match -q -- '-*' $current
        __buri_options $command
        return
    end
    if test -z "$kind"
        if test -z "$command"
            __buri_words ''
            return
        end
        test $position -eq 0; and __buri_words $command
        set kind (__buri_argument_kind $command $position)
    end
    switch "$kind[1]"
        case words
            printf '%s\n' $kind[2..-1]
        case networks peers
            $tokens[1] __complete $kind[1] (string unescape -- $current; or echo $current) $before 2>/dev/null </dev/null
        case files
            __fish_complete_path $current
        case folders
            __fish_complete_directories $current
    end
end

complete -c buri -f -a '(__buri_complete)'`;
