import type { CompletionTables, Kind, Offer } from "./tables.ts";

/** One word for a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The tables as functions that bash and zsh both run. Each leaves its answer in REPLY and fails where it has none. */
export function renderPosixTables(tables: CompletionTables): string[] {
  return [
    "# COMMAND OPTION: what the value of the option is. Fails for a switch.",
    ...kindFunction("_buri_option_kind", tables.optionKinds),
    "",
    "# COMMAND INDEX: what this argument is.",
    ...kindFunction("_buri_argument_kind", tables.argumentKinds),
    "",
    "# COMMAND: its options.",
    ...caseFunction("_buri_options", [...tables.options].map(([name, offers]) => [quoted(name), joined(offers)])),
    "",
    "# WORD: the second words of commands that begin with it.",
    ...caseFunction("_buri_second", [...tables.second].map(([name, offers]) => [quoted(name), joined(offers)])),
  ];
}

function joined(offers: readonly Offer[]): string {
  return offers.map(({ word }) => word).join(" ");
}

function kindFunction(name: string, places: ReadonlyMap<Kind, readonly string[]>): string[] {
  return caseFunction(
    name,
    [...places].map(([kind, where]) => [where.map(quoted).join("|"), kind]),
    '"$1 $2"',
  );
}

function caseFunction(name: string, cases: readonly (readonly [string, string])[], subject = '"$1"'): string[] {
  return [
    `${name}() {`,
    `  case ${subject} in`,
    ...cases.map(([pattern, answer]) => `    ${pattern}) REPLY=${quoted(answer)} ;;`),
    "    *) REPLY=; return 1 ;;",
    "  esac",
    "}",
  ];
}
