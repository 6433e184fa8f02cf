/** The terminal itself, in tmux: it is given back however the program ends, and no name gets at it. */
import assert from "node:assert/strict";
import { silentLogger } from "../../src/base/log.ts";
import { serveControl } from "../../src/ipc/server.ts";
import { MAIN } from "../support/buri_process.ts";
import { withoutSequences } from "../support/escape_sequences.ts";
import { FakeEngine } from "../support/fake_engine.ts";
import { needs } from "../support/needs.ts";
import { offlineMember, sampleMember, sampleNetwork, sampleStatus } from "../support/sample_views.ts";
import { TmuxTerminal } from "../support/tmux.ts";

const BURI = `${Deno.execPath()} run --quiet -A ${MAIN}`;
const CHILD = new URL("./crash_child.ts", import.meta.url).pathname;

/** A shell whose prompt is easy to find. */
async function startShell(columns = 80, rows = 16): Promise<TmuxTerminal> {
  return await TmuxTerminal.start({
    command: ["bash", "--norc", "--noprofile", "-i"],
    columns,
    rows,
    env: { PS1: "ready$ " },
  });
}

async function run(terminal: TmuxTerminal, line: string): Promise<void> {
  await terminal.type(line);
  await terminal.press("Enter");
}

/** Whether a shell could go on: its own screen, a cursor, echo and line editing, wrapping. */
async function assertGivenBack(terminal: TmuxTerminal): Promise<void> {
  assert.equal(await terminal.ask("#{alternate_on} #{cursor_flag} #{wrap_flag}"), "0 1 1");
  await run(terminal, "clear; stty -a | grep -oE -- '-?(icanon|echo|isig|opost)\\b' | sort | tr '\\n' ,");
  await terminal.shows(/^echo,icanon,isig,opost,/);
}

for (const end of ["throw", "reject", "exit"]) {
  Deno.test(needs(`openTerminal gives the terminal back when the program ends by ${end}`, "tmux", "bash"), async () => {
    await using terminal = await startShell();
    await run(terminal, `${Deno.execPath()} run --quiet -A ${CHILD} ${end}; echo code $?`);
    await terminal.shows(/^on the whole screen/);
    await terminal.type("x");
    await terminal.shows(end === "exit" ? /^code 7/ : /^code 1/);
    await assertGivenBack(terminal);
  });
}

for (const signal of ["TERM", "INT", "HUP"] as const) {
  Deno.test(needs(`buri view gives the terminal back when it is sent SIG${signal}`, "tmux", "bash"), async () => {
    await using terminal = await startShell();
    await run(terminal, `${BURI} view --state /nonexistent; echo code $?`);
    await terminal.shows(/The engine is not running/);
    const shell = await terminal.ask("#{pane_pid}");
    const [child] = (await Deno.readTextFile(`/proc/${shell}/task/${shell}/children`)).split(" ");
    Deno.kill(Number(child), `SIG${signal}`);
    await terminal.shows(signal === "HUP" ? /^code 0/ : /^code 130/);
    await assertGivenBack(terminal);
  });
}

Deno.test(needs("buri view lets no name steer the terminal, byte by byte", "tmux", "bash"), async () => {
  const dir = await Deno.makeTempDir({ prefix: "buri-bytes-" });
  const evil = "\u001b]0;owned\u0007\u001b[2J\u001b[31m\u009b5m\u202e\u001bP1$q\u001b\\\r\nx漢🎲\u0301";
  const engine = new FakeEngine([
    sampleNetwork({
      id: evil,
      name: evil,
      members: [
        sampleMember({ nick: evil, endpoint: evil, message: evil }),
        offlineMember({ id: "090-123-457", nick: `b${evil}`, message: evil }),
      ],
    }),
  ]);
  engine.view = sampleStatus({ nick: evil, server: evil });
  const server = await serveControl({ stateDir: dir, control: engine, log: silentLogger });
  try {
    await using terminal = await startShell(120, 20);
    await terminal.record(`${dir}/bytes`);
    const title = await terminal.ask("#{pane_title}");
    await run(terminal, `${BURI} view --state ${dir}; echo code $?`);
    await terminal.shows(/^ {5}\* /);
    await terminal.press("Down", "i", "Escape", "l", "n", "p");
    await terminal.shows(/from .*x漢/);
    await terminal.press("q");
    await terminal.shows(/^code 0/);
    assert.equal(await terminal.ask("#{pane_title}"), title);
    const bytes = await Deno.readTextFile(`${dir}/bytes`);
    const ours = bytes.slice(bytes.indexOf("\u001b[?1049h"), bytes.indexOf("\u001b[?1049l"));
    assert.ok(ours.length > 500, "all that was drawn was recorded");
    // deno-lint-ignore no-control-regex -- the characters that must not be there
    assert.doesNotMatch(withoutSequences(ours), /[\u0000-\u001f\u007f-\u009f\u202e]/);
    assert.ok(!ours.includes("\u001b[31m"), "the name's colour");
    assert.equal(ours.split("\u001b[2J").length, 2, "cleared once, by the first frame");
  } finally {
    await server.stop();
    await Deno.remove(dir, { recursive: true });
  }
});
