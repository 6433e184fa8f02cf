/**
 * `deno task demo [--json] [--short] [--binary FILE]`: two computers, each behind its own NAT, become one LAN. Everything
 * is made for this run and nothing of it is left: real processes, real TUN devices, real NATs, in network namespaces.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { canEnterUserNamespace, examineGround, runInUserNamespace } from "./demo/ground.ts";
import { Narrator } from "./demo/narrator.ts";
import { Scene } from "./demo/scene.ts";
import type { Stage } from "./demo/stage.ts";
import { stepsFor } from "./demo/steps.ts";
import { inRoot } from "./root.ts";

const USAGE = "usage: deno task demo [--json] [--short] [--binary FILE]";
const INTERRUPTED = 130;
const FILE_MIB = 64;
const SHORT_FILE_MIB = 8;

interface Options {
  json: boolean;
  short: boolean;
  binary?: string;
}

/** Reads the command line; null when it is wrong. */
function readOptions(args: string[]): Options | null {
  const options = {
    json: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    binary: { type: "string" },
  } as const;
  try {
    const { json, short, binary } = parseArgs({ args, options }).values;
    return { json, short, ...(binary === undefined ? {} : { binary: resolve(binary) }) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    return null;
  }
}

/** How to start Buri: the given executable, or this source, whose packages have to be there before the network is gone. */
async function prepareProgram(binary: string | undefined): Promise<[string, ...string[]]> {
  if (binary !== undefined) return [binary];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet", "--frozen"],
    cwd: inRoot(),
  })
    .output();
  if (!success) throw new Error(`Cannot fetch the packages of Buri: ${new TextDecoder().decode(stderr).trim()}`);
  return [Deno.execPath(), "run", "-A", "--cached-only", inRoot("main.ts")];
}

/** Plays all steps. @returns the exit code */
async function play(options: Options, program: [string, ...string[]]): Promise<number> {
  const narrator = new Narrator(options.json, (line) => console.log(line));
  narrator.open("Buri: two computers, each behind its own NAT, become one LAN.");
  const ground = examineGround();
  for (const what of ground.leftOut) narrator.leaveOut(what);
  const scene = new Scene(program, ground.hasNetworks);
  const stage: Stage = {
    scene,
    narrator,
    ground,
    fileMiB: options.short ? SHORT_FILE_MIB : FILE_MIB,
    server: scene.computer("server", null),
    serverAddress: "127.0.0.1",
    serverProcess: null,
    invite: "",
    homes: ["alice", "bob"].map((name) => ({ computer: scene.computer(name, null), publicAddress: "127.0.0.1" })),
    members: [],
    capture: null,
  };
  let isInterrupted = false;
  const interrupt = async () => {
    if (isInterrupted) return;
    isInterrupted = true;
    await scene.close();
    console.error("demo: interrupted; nothing of it is left");
    Deno.exit(INTERRUPTED);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, interrupt);
  let failure: Error | null = null;
  try {
    for (const step of stepsFor(ground)) {
      narrator.begin(step.title);
      await step.run(stage);
      narrator.end();
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  // The step failed because its processes were taken away; whoever took them ends the demo.
  if (isInterrupted) await new Promise<never>(() => {});
  await scene.close();
  narrator.close(failure);
  return failure === null ? 0 : 1;
}

if (import.meta.main) {
  const options = readOptions(Deno.args);
  if (options === null) Deno.exit(2);
  if (canEnterUserNamespace()) {
    await prepareProgram(options.binary); // Inside there is no network to fetch anything from.
    const command = [Deno.execPath(), "run", "-A", inRoot("scripts", "demo.ts"), ...Deno.args];
    Deno.exit(await runInUserNamespace(command));
  }
  Deno.exit(await play(options, await prepareProgram(options.binary)));
}
