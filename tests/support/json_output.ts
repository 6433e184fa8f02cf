import assert from "node:assert/strict";
import { Validator } from "@cfworker/json-schema";
import type { JsonSchema, PublishedSchema } from "../../src/commands/cli/json_schema.ts";
import { schemaOf } from "../../src/commands/cli/json_schema.ts";
import { COMMANDS } from "../../src/commands/mod.ts";

const PUBLISHED = new URL("../../docs/schema/buri.schema.json", import.meta.url);

let published: PublishedSchema | undefined;
const validators = new Map<string, Validator>();

/** The whole name of the command that a line begins with. */
export function commandOf(words: readonly string[]): string {
  if (words[0] === undefined || words[0].startsWith("-")) return COMMANDS[0]!.name;
  const isNamed = (name: string) =>
    COMMANDS.find((command) => command.name === name || command.aliases.includes(name))?.name;
  return isNamed(words.slice(0, 2).join(" ")) ?? isNamed(words[0]) ?? "";
}

/** Fails unless the published schema describes this line of a command's output, with no property that it does not name. */
export function assertDescribed(command: string, line: string): void {
  published ??= JSON.parse(Deno.readTextFileSync(PUBLISHED)) as PublishedSchema;
  assert.ok(Object.hasOwn(published.properties, command), `the schema has nothing on ${command}`);
  let validator = validators.get(command);
  if (validator === undefined) {
    validator = new Validator(closed(schemaOf(published, command)) as JsonSchema, "2020-12", false);
    validators.set(command, validator);
  }
  const { valid, errors } = validator.validate(JSON.parse(line));
  const faults = errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`).join("\n");
  assert.ok(valid, `${command} printed what the schema does not describe: ${line}\n${faults}`);
}

/** Readers must put up with further properties; a test must not, or the schema would say ever less. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, closed(part)]));
  const isRecord = "properties" in parts && !("additionalProperties" in parts);
  return isRecord ? { ...parts, additionalProperties: false } : parts;
}
