/** The commands for messages as a person runs them: processes, no device. */
import assert from "node:assert/strict";
import { buri, LongRun, MAIN, outputOf, type Result } from "../support/buri_process.ts";

const HANGS_MS = 30_000;

/** Runs a command whose input is `input`. */
async function withInput(args: string[], input: string): Promise<Result> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(HANGS_MS),
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("chat, inbox and events carry messages between two engines, also to one that is down", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "buri-chat-process-" });
  const run = async (who: string, ...words: string[]) =>
    await outputOf(buri([...words, "--state", `${folder}/${who}`]));
  const ports = ["--udp", "0", "--udp2", "0", "--relay", "0", "--log-level", "error"];
  const server = new LongRun(["server", "--data", `${folder}/server`, "--listen", "127.0.0.1:0", ...ports]);
  const host = (await server.line()).replace("buri server ready ", "");
  const invite = (await outputOf(buri(["server", "invite", "--data", `${folder}/server`, "--host", host]))).stdout
    .trim();
  const up = async (who: string) => {
    const options = ["--state", `${folder}/${who}`, "--device", "none", "--server", invite, "--nick", who];
    const engine = new LongRun(["up", ...options, "--log-level", "error"]);
    await engine.line();
    return engine;
  };
  const ann = await up("ann");
  let bob = await up("bob");
  assert.equal((await run("ann", "create", "games", "s3same")).code, 0);
  assert.equal((await run("bob", "join", "games", "s3same")).code, 0);
  const events = new LongRun(["events", "--json", "--state", `${folder}/bob`]);
  // It tells of what happens from its start on, so that must be seen before the message.
  let isHeard = false;
  const first = events.line().finally(() => isHeard = true);
  while (!isHeard) await run("ann", "announce", "games", "Is anybody listening?");
  await first;
  const sent = await run("ann", "chat", "bob", "hello", "there");
  assert.match(sent.stdout, /^Writing to bob \.\. ok, (delivered|stored until bob is online)\n$/);
  for (let kind = ""; kind !== "message";) kind = (JSON.parse(await events.line()) as { kind: string }).kind;
  assert.equal((await events.end("SIGINT")).code, 130);
  await bob.end("SIGINT");
  const piped = await withInput(["chat", "games", "--state", `${folder}/ann`], "one\ntwo\n");
  assert.deepEqual([piped.code, piped.stderr], [0, ""]);
  assert.equal(piped.stdout, "Writing to games .. ok, stored until bob is online\n".repeat(2));
  bob = await up("bob");
  let inbox: { text: string; verified: boolean; network: string | null }[] = [];
  for (let tries = 0; inbox.length < 3 && tries < 40; tries++) {
    inbox = JSON.parse((await run("bob", "inbox", "--json")).stdout);
  }
  assert.deepEqual(inbox.map(({ text, network }) => [text, network]), [
    ["hello there", null],
    ["one", "games"],
    ["two", "games"],
  ]);
  assert.ok(inbox.every(({ verified }) => verified));
  assert.match((await run("bob", "inbox", "--mark-read")).stdout, /ann \(\d{3}-\d{3}-\d{3}\) in games: two\n$/);
  assert.equal((await run("bob", "inbox")).stdout, "");
  const { mode } = Deno.statSync([...walk(`${folder}/bob/servers`)].find((path) => path.endsWith("chat.sqlite"))!);
  assert.equal(mode! & 0o077, 0);
  for (const engine of [bob, ann, server]) assert.equal((await engine.end("SIGTERM")).code, 0);
  Deno.removeSync(folder, { recursive: true });
});

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}
