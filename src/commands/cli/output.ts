/**
 * What commands print with `--json`, as shapes. They are published: docs/schema/buri.schema.json is made from them.
 *
 * @module
 */
import * as v from "valibot";
import { FAILURE_REASONS, type MethodName, resultShape, type Shape } from "../../ipc/mod.ts";

/** The shape of one line. */
export type OutputSchema = Shape;

/** Codes of refusals that are not the engine's, see `run.ts`. */
export const FAULT_CODES = ["failed", "usage", "notRunning", "notPermitted", "internal"] as const;

/** What stands in the place of any other output when it could not be had. */
export const REFUSAL: OutputSchema = v.object({
  ok: v.literal(false),
  code: v.picklist([...new Set([...Object.keys(FAILURE_REASONS), ...FAULT_CODES])]),
  reason: v.string(),
  hint: v.exactOptional(v.string()),
});

/** An action that went well. */
export const DONE: OutputSchema = v.object({ ok: v.literal(true) });

/** The same for one that tells more than that. */
export function done(facts: Readonly<Record<string, OutputSchema>>): OutputSchema {
  return v.object({ ok: v.literal(true), ...facts });
}

/** What the engine gives back. */
export function resultOf(method: MethodName): OutputSchema {
  return resultShape(method);
}

/** A long-running part that has begun its work. */
export function ready(facts: Readonly<Record<string, OutputSchema>>): OutputSchema {
  return v.object({ ready: v.literal(true), ...facts });
}

/** A port that was bound. */
export const PORT: OutputSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

/** A number of things. */
export const COUNT: OutputSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Milliseconds since 1970, or null for never. */
export const TIME_OR_NEVER: OutputSchema = v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(0)));

/** `ddd-ddd-ddd`. */
export const CLIENT_ID: OutputSchema = v.pipe(v.string(), v.regex(/^\d{3}-\d{3}-\d{3}$/));

/** A record that is described elsewhere. */
export const ANY_RECORD: OutputSchema = v.record(v.string(), v.unknown());
