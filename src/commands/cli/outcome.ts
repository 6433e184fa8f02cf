import { ControlError } from "../../ipc/mod.ts";
import { renderJson } from "../text/json.ts";
import type { Context } from "./context.ts";

/** What an action tells besides that it went well. */
export interface Outcome {
  /** Comes after `.. ok, `. */
  note?: string;
  /** Stands instead of the whole line: nothing had to be done. */
  instead?: string;
  /** Further properties of the JSON. */
  json?: Record<string, unknown>;
}

/** What `act` needs of a run. */
export interface ActingRun {
  /** See `Run`. */
  readonly context: Context;
  /** See `Run`. */
  readonly json: boolean;
}

/**
 * Does `work` and prints `<doing> .. ok`, or `<doing> .. failed, <reason>` when the engine refuses it. Resolves to the exit
 * code.
 */
export async function act(run: ActingRun, doing: string, work: () => Promise<Outcome | void>): Promise<number> {
  let outcome: Outcome;
  try {
    outcome = await work() ?? {};
  } catch (error) {
    if (!(error instanceof ControlError) || run.context.signal.aborted) throw error;
    reportRefusal(run, doing, error);
    return 1;
  }
  const { note, instead, json } = outcome;
  const line = instead ?? `${withoutMark(doing)} .. ok${note === undefined ? "" : `, ${note}`}`;
  run.context.print(run.json ? renderJson({ ok: true, ...json }) : line);
  return 0;
}

/** The line on stdout, where programs look for it, and the hint on stderr. */
export function reportRefusal({ context, json }: ActingRun, doing: string, error: ControlError): void {
  const { code, message: reason } = error;
  const hint = error.hint === reason ? undefined : error.hint;
  if (json) return void context.print(renderJson({ ok: false, code, reason, ...(hint === undefined ? {} : { hint }) }));
  context.print(`${withoutMark(doing)} .. failed, ${reason}`);
  if (hint !== undefined) context.complain(hint);
}

/** Programs look for `.. ok` and `.. failed` anywhere in the line, and a network may be called so. */
function withoutMark(doing: string): string {
  return doing.replaceAll(/\.\. +/g, "..");
}
