import { basename, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { utf8 } from "../../base/bytes.ts";
import { safe } from "../../base/safe.ts";
import { connectControl } from "../../ipc/mod.ts";
import { systemClock } from "../../transport/system.ts";
import type { Form } from "../../tui/mod.ts";
import type { Command } from "./command.ts";
import { type Context, Interrupted, type Roles } from "./context.ts";
import { ownPackedLink } from "./packed_program.ts";
import { readLine } from "./read_line.ts";
import { INTERRUPTED, runCommandLine } from "./run.ts";
import { chooseStateDir } from "./state_dir.ts";

/** After a signal everything ends within two seconds, whatever hangs. */
const END_WITHIN_MS = 1800;

/** Runs the command line of this process and resolves to its exit code. */
export async function runAsProcess(words: readonly string[], commands: readonly Command[]): Promise<number> {
  const interruption = new AbortController();
  const forced = new Promise<number>((resolve) => {
    interruption.signal.addEventListener("abort", () => setTimeout(resolve, END_WITHIN_MS, INTERRUPTED));
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    if (name === "SIGTERM" && Deno.build.os === "windows") continue; // Windows has no such signal
    Deno.addSignalListener(name, () => interruption.abort(new Interrupted(name)));
  }
  const context = systemContext(interruption.signal);
  return await Promise.race([runCommandLine(words, commands, context, ownPackedLink), forced]);
}

function systemContext(signal: AbortSignal): Context {
  const home = { isRoot: Deno.build.os !== "windows" && Deno.uid() === 0, env: (name: string) => Deno.env.get(name) };
  const stateDir = (option: string | undefined) => resolve(chooseStateDir(option, home));
  return {
    program: basename(process.argv0) === "hamachi" ? "hamachi" : "buri",
    print: (line) => writeLine(Deno.stdout, line),
    complain: (line) => void writeLine(Deno.stderr, line),
    signal,
    wallMs: Date.now,
    stateDir,
    connect: (option) => connectControl(stateDir(option)),
    isInteractive: Deno.stdin.isTerminal() && Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb",
    ask: (questions) => askAtTerminal(questions, signal),
    readLine: () => readLine(Deno.stdin),
    roles,
  };
}

/** What a command does not need is not loaded: `buri version` answers before the engine's code would be read. */
const roles: Roles = {
  startServer: async ({ policyFile, ...rest }) => {
    const { readPolicy, startServer } = await import("../../server/mod.ts");
    const options = policyFile === undefined ? rest : { ...rest, policy: readPolicy(policyFile) };
    if (Deno.build.os !== "linux") return await startServer(options);
    const { giveUpRoot } = await import("./give_up_root.ts");
    return await startServer({ ...options, onOpen: (dataDir) => giveUpRoot(dataDir, options.log) });
  },
  readPolicy: async (file) => {
    const { POLICIES, readPolicy } = await import("../../server/mod.ts");
    const { name, defaultPlan, plans } = file === undefined ? POLICIES.open : readPolicy(file);
    return { name, defaultPlan, plans: { free: { ...plans.free }, premium: { ...plans.premium } } };
  },
  showAccount: async ({ dataDir, id, plan }) => {
    const { showAccount } = await import("../../server/mod.ts");
    const { clientId: _, ...account } = await showAccount(dataDir, Number(id.replaceAll("-", "")), plan);
    return { id, ...account };
  },
  makeInvite: async (options) => await (await import("../../server/mod.ts")).makeInvite(options),
  startEngine: async (options) => await (await import("../../engine/mod.ts")).startEngine(options),
  checkTun: async () => (await import("./check_tun.ts")).checkTun(),
  packProgram: async (options) => await (await import("./packed_program.ts")).packProgram(options),
  makeBackup: async (options) => (await import("../../engine/backup.ts")).makeBackup(options),
  restoreBackup: async (options) => (await import("../../engine/backup.ts")).restoreBackup(options),
  runMatrix: async (options) => {
    const { requireLaboratory } = await import("./laboratory.ts");
    requireLaboratory();
    return await (await import("../../lab/nat_matrix.ts")).runMatrix({ ...options, program: ownProgram() });
  },
  runView: async (options) => {
    const { openTerminal, runView } = await import("../../tui/mod.ts");
    const terminal = openTerminal("screen");
    try {
      await runView({ ...options, terminal, clock: systemClock() });
    } finally {
      terminal.close();
    }
  },
};

async function askAtTerminal(questions: Form["questions"], signal: AbortSignal): Promise<readonly string[]> {
  const { ask, openTerminal } = await import("../../tui/mod.ts");
  const terminal = openTerminal("line");
  try {
    const answers = await ask(terminal, questions, signal);
    if (answers === null) throw new Interrupted("SIGINT");
    return answers;
  } finally {
    terminal.close();
  }
}

/** Starts this program again: the executable, or the runtime with the source whose packages are there already. */
function ownProgram(): [string, ...string[]] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "-A", "--cached-only", fileURLToPath(Deno.mainModule)];
}

/** False when the reader has gone away (`buri list | head -1`): it wants no more, but that must not end a running engine. */
function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): boolean {
  const bytes = utf8(`${safe(line)}\n`);
  try {
    for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}
