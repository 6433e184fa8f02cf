/**
 * The JSON Schema of everything that commands print with `--json`.
 *
 * @module
 */
import { toJsonSchema, toJsonSchemaDefs } from "@valibot/to-json-schema";
import type * as v from "valibot";
import type { Command } from "./command.ts";
import { DONE, type OutputSchema, REFUSAL, resultOf } from "./output.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** JSON Schema 2020-12 as a whole: one property for each command, whose value is one line of its output. */
export interface PublishedSchema extends JsonSchema {
  /** By command. */
  readonly properties: Readonly<Record<string, JsonSchema>>;
  /** Shapes that several commands share. */
  readonly $defs: Readonly<Record<string, JsonSchema>>;
}

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Shapes that are part of others, by the names that they have there. */
const SHARED: Readonly<Record<string, v.GenericSchema>> = {
  done: DONE,
  refusal: REFUSAL,
  status: resultOf("status"),
  network: resultOf("network"),
  nat: resultOf("netcheck"),
  message: resultOf("send"),
};

// What a schema cannot say, such as a limit in bytes, is left to the program.
const CONFIG = { target: "draft-2020-12", errorMode: "ignore" } as const;

/** The schema of all commands that print JSON. */
export function publishedSchema(commands: readonly Command[]): PublishedSchema {
  const outputs = commands.flatMap((command) => command.output === null ? [] : [[command, command.output] as const]);
  return {
    $schema: DIALECT,
    title: "What Buri prints with --json",
    description:
      "Each property stands for the command of its name, and describes one line of what that command prints. " +
      "Later versions may add properties to any record.",
    type: "object",
    properties: Object.fromEntries(outputs.map(([command, output]) => [command.name, describe(command, output)])),
    $defs: toJsonSchemaDefs({ ...SHARED }, CONFIG) as Record<string, JsonSchema>,
  };
}

/** The schema of one command's lines, complete in itself. `name`: as in `published`. */
export function schemaOf(published: PublishedSchema, name: string): JsonSchema {
  const { properties, $defs } = published;
  const own = properties[name]!;
  const needed = reachable(own, $defs);
  const defs = Object.entries($defs).filter(([def]) => needed.has(def));
  return { $schema: DIALECT, title: `buri ${name} --json`, ...own, $defs: Object.fromEntries(defs) };
}

function describe(command: Command, output: OutputSchema): JsonSchema {
  const { $schema: _, $defs: __, ...line } = toJsonSchema(output, { ...CONFIG, definitions: { ...SHARED } });
  const refusal = { $ref: "#/$defs/refusal" };
  const isRefusal = output === REFUSAL;
  return { description: `${command.summary}. ${command.json}`, ...(isRefusal ? refusal : { anyOf: [line, refusal] }) };
}

/** Names of the definitions that a schema refers to, by others too. */
function reachable(schema: JsonSchema, defs: PublishedSchema["$defs"], found: Set<string> = new Set()): Set<string> {
  for (const [, name] of JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/(\w+)"/g)) {
    if (name === undefined || found.has(name)) continue;
    found.add(name);
    reachable(defs[name]!, defs, found);
  }
  return found;
}
