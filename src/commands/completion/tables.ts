import type { ArgumentSpec, Command, OptionSpec } from "../cli/command.ts";

/** What a word is: one of these (blanks between), or `networks`, `peers`, `files`, `folders`, `nothing`. */
export type Kind = `words ${string}` | "networks" | "peers" | "files" | "folders" | "nothing";

/** Something that may stand next, and what it is for. */
export interface Offer {
  /** As it is typed. */
  readonly word: string;
  /** A phrase. */
  readonly summary: string;
}

/** All that a shell needs to know of the command table; aliases are commands of their own here. */
export interface CompletionTables {
  /** First words of commands. */
  readonly first: readonly Offer[];
  /** By a first word: second words of commands. */
  readonly second: ReadonlyMap<string, readonly Offer[]>;
  /** By command: its options; the empty command is the line without one. */
  readonly options: ReadonlyMap<string, readonly Offer[]>;
  /** By kind: `COMMAND OPTION` of options that take a value. */
  readonly optionKinds: ReadonlyMap<Kind, readonly string[]>;
  /** By kind: `COMMAND INDEX` of arguments, from 0. */
  readonly argumentKinds: ReadonlyMap<Kind, readonly string[]>;
}

/** Makes the tables; hidden commands are not in them. */
export function completionTables(commands: readonly Command[]): CompletionTables {
  const named = commands.filter(({ hidden }) => !hidden)
    .flatMap((command) => [command.name, ...command.aliases].map((name) => ({ name, command })));
  const [byDefault] = commands;
  const all = byDefault === undefined ? named : [{ name: "", command: byDefault }, ...named];
  const names = commands.filter(({ hidden }) => !hidden).map(({ name }) => name);
  return {
    first: uniqueFirst(named),
    second: secondWords(named),
    options: new Map(all.map(({ name, command }) => [name, offers(command)])),
    optionKinds: byKind(
      all.flatMap(({ name, command }) =>
        Object.entries(command.options).flatMap(([option, spec]) =>
          flagsOf(option, spec).flatMap((flag) =>
            spec.value === undefined ? [] : [[optionKind(spec), `${name} ${flag}`] as const]
          )
        )
      ),
    ),
    argumentKinds: byKind(
      all.flatMap(({ name, command }) =>
        command.args.map((spec, at) => [argumentKind(spec, names), `${name} ${at}`] as const)
      ),
    ),
  };
}

function uniqueFirst(named: readonly { name: string; command: Command }[]): Offer[] {
  const found = new Map<string, Offer>();
  for (const { name, command } of named) {
    const [word = "", rest] = name.split(" ");
    if (!found.has(word)) found.set(word, { word, summary: rest === undefined ? command.summary : `${word} …` });
  }
  return [...found.values()];
}

function secondWords(named: readonly { name: string; command: Command }[]): Map<string, Offer[]> {
  const found = new Map<string, Offer[]>();
  for (const { name, command } of named) {
    const [first = "", word] = name.split(" ");
    if (word !== undefined) found.set(first, [...found.get(first) ?? [], { word, summary: command.summary }]);
  }
  return found;
}

function offers(command: Command): Offer[] {
  return Object.entries(command.options)
    .flatMap(([name, spec]) => flagsOf(name, spec).map((word) => ({ word, summary: spec.summary })));
}

function flagsOf(name: string, { short }: OptionSpec): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

function optionKind({ value = "", choices }: OptionSpec): Kind {
  if (choices !== undefined) return `words ${choices.join(" ")}`;
  if (value.includes("|")) return `words ${value.replaceAll("|", " ")}`;
  return value === "DIR" ? "folders" : value === "FILE" ? "files" : "nothing";
}

/** Who a word names says its own name, unless the command says otherwise. */
function argumentKind({ name, choices, completes }: ArgumentSpec, commandNames: readonly string[]): Kind {
  if (choices !== undefined) return `words ${choices.join(" ")}`;
  if (completes === "commands") return `words ${commandNames.filter((name) => !name.includes(" ")).join(" ")}`;
  if (completes !== undefined) return completes;
  return name === "network" ? "networks" : name === "peer" || name === "member" ? "peers" : "nothing";
}

function byKind(entries: readonly (readonly [Kind, string])[]): Map<Kind, string[]> {
  const found = new Map<Kind, string[]>();
  for (const [kind, place] of entries) found.set(kind, [...found.get(kind) ?? [], place]);
  return found;
}
