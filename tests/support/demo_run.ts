import assert from "node:assert/strict";
import type { DemoRecord } from "../../scripts/demo/narrator.ts";
import { inRoot } from "../../scripts/root.ts";

/** Where `ip netns` and the laboratory keep names. */
const NAMES_FOLDER = "/run/netns";

/** A running demo. */
export interface RunningDemo {
  /** Its process. */
  child: Deno.ChildProcess;
  /** Process id, by which what it leaves behind would be found. */
  pid: number;
}

/** Starts `deno task demo` with `args`; `wrapper` is a program in front of it, such as setpriv. */
export function startDemo(args: string[], wrapper: string[] = []): RunningDemo {
  const [program = "", ...rest] = [...wrapper, Deno.execPath(), "run", "-A", inRoot("scripts", "demo.ts"), ...args];
  const child = new Deno.Command(program, { args: rest, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  return { child, pid: child.pid };
}

/** Runs the demo with `--json` to its end and checks that it ended well, step by step, and left nothing behind. */
export async function runDemo(args: string[], wrapper: string[] = []): Promise<DemoRecord> {
  const { child, pid } = startDemo([...args, "--json"], wrapper);
  const { code, stdout, stderr } = await child.output();
  const errors = new TextDecoder().decode(stderr);
  assert.notEqual(stdout.length, 0, errors);
  const record: DemoRecord = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(record.demo, "ok", `${record.reason}\n${errors}`);
  assert.equal(code, 0);
  assert(record.steps.every(({ ok }) => ok));
  assertNothingLeft(pid);
  return record;
}

/** Checks that no namespace and no folder of the run with this process id is left. */
export function assertNothingLeft(pid: number): void {
  const left = [...names(NAMES_FOLDER), ...names(Deno.env.get("TMPDIR") ?? "/tmp")]
    .filter((name) => name.startsWith(`burilab-${pid}-`) || name.startsWith(`buri-demo-${pid}-`));
  assert.deepEqual(left, []);
}

function names(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
