import type { CompletionTables, Kind, Offer } from "./tables.ts";

/** For PowerShell from 5.1 on. A name that is more than letters, digits and harmless signs is put in single quotes. */
export function renderPowerShell(tables: CompletionTables): string[] {
  return [
    "# Completion of buri for PowerShell. Made by `buri completion powershell`.",
    "",
    "Register-ArgumentCompleter -Native -CommandName buri -ScriptBlock {",
    "    param($current, $ast, $cursor)",
    ...hashtable("optionKinds", kindEntries(tables.optionKinds)),
    ...hashtable("argumentKinds", kindEntries(tables.argumentKinds)),
    ...hashtable("options", offerEntries(tables.options)),
    ...hashtable("words", offerEntries(new Map([["", tables.first], ...tables.second]))),
    ...MAIN.split("\n"),
    "}",
  ];
}

/** PowerShell takes each of these for a single quote. */
const SINGLE_QUOTES = /['\u2018-\u201b]/g;

function quoted(text: string): string {
  return `'${text.replaceAll(SINGLE_QUOTES, "$&$&")}'`;
}

function hashtable(name: string, entries: readonly (readonly [string, string])[]): string[] {
  return [`    $${name} = @{`, ...entries.map(([key, value]) => `        ${quoted(key)} = ${quoted(value)}`), "    }"];
}

function kindEntries(places: ReadonlyMap<Kind, readonly string[]>): [string, string][] {
  return [...places].flatMap(([kind, where]) => where.map((place): [string, string] => [place, kind]));
}

function offerEntries(offers: ReadonlyMap<string, readonly Offer[]>): [string, string][] {
  return [...offers].map(([name, some]) => [name, some.map(({ word }) => word).join(" ")]);
}

const MAIN = String.raw`
    $before = @($ast.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor } |
        ForEach-Object { if ($null -ne $_.Value) { [string]$_.Value } else { $_.Extent.Text } })
    $command = ''
    $position = 0
    $kind = $null
    for ($i = 0; $i -lt $before.Count; $i++) {
        $word = $before[$i]
        $kind = $null
        if ($word.StartsWith('-')) {
            if ($optionKinds.ContainsKey("$command $word")) {
                $i++
                if ($i -ge $before.Count) { $kind = $optionKinds["$command $word"] }
            }
        } elseif ($command -eq '') {
            $command = $word
        } elseif ($position -eq 0 -and $words.ContainsKey($command) -and $words[$command].Split(' ') -ccontains $word) {
            $command = "$command $word"
        } else {
            $position++
        }
    }
    if ($null -eq $kind) {
        if ($current.StartsWith('-')) { $kind = "words $($options[$command])" }
        elseif ($command -eq '') { $kind = "words $($words[''])" }
        elseif ($position -eq 0 -and $words.ContainsKey($command)) { $kind = "words $($words[$command])" }
        else { $kind = $argumentKinds["$command $position"] }
    }
    $plain = $current.Trim([char[]]@(39, 34))
    if ($null -eq $kind) { return }
    if ($kind.StartsWith('words ')) { $found = $kind.Substring(6).Split(' ') }
    elseif ($kind -eq 'networks' -or $kind -eq 'peers') {
        $program = $ast.CommandElements[0].Extent.Text
        $found = @(& $program __complete $kind $plain @before 2>$null)
    } else { return }
    $found | Where-Object { $_ -ne '' -and $_.StartsWith($plain) } | ForEach-Object {
        $text = $_
        if ($text -cnotmatch '^[\p{L}\p{N}._+][\p{L}\p{N}._+-]*$' -and -not $text.StartsWith('--')) {
            $text = "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($text) + "'"
        }
        [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
    }`;
