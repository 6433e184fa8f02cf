/** What commands print with `--json`, of real engines and a real server, against the schema that is published. */
import assert from "node:assert/strict";
import { COMMANDS } from "../../src/commands/mod.ts";
import { buri, LongRun, outputOf } from "../support/buri_process.ts";
import { CliWorld } from "../support/cli_world.ts";
import { EngineWorld, until } from "../support/engine_world.ts";
import { assertDescribed, commandOf } from "../support/json_output.ts";
import { needs } from "../support/needs.ts";

/** Commands that refuse whatever they are asked. */
const REFUSING = ["attach", "attach-net", "cancel"];

/** It builds a laboratory: see below. */
const LABORATORY = "lab nat-matrix";

/** Runs commands in turn, and keeps which of them printed something other than a refusal. */
class Described {
  readonly names: Set<string> = new Set();

  /** A command of the engine in this folder. Gives the parsed lines. */
  async ask(running: string, ...words: string[]): Promise<Record<string, unknown>[]> {
    const world = new CliWorld({ running });
    await world.run(...words, "--json");
    return this.#take(words, world.stdout);
  }

  /** A command as a process of its own, and what it is given as its input. */
  async start(words: string[]): Promise<Record<string, unknown>[]> {
    const { stdout } = await outputOf(buri([...words, "--json"]));
    return this.#take(words, stdout.trimEnd().split("\n"));
  }

  /** The first line of a process that goes on. */
  async begin(words: string[]): Promise<LongRun> {
    const run = new LongRun([...words, "--json"]);
    this.#take(words, [await run.line()]);
    return run;
  }

  #take(words: string[], lines: readonly string[]): Record<string, unknown>[] {
    const name = commandOf(words);
    assert.ok(lines.length > 0, `${name} printed nothing`);
    lines.forEach((line) => assertDescribed(name, line));
    const records = lines.map((line) => JSON.parse(line));
    const isRefused = records.every(({ ok }) => ok === false);
    assert.equal(isRefused, REFUSING.includes(name), `${words.join(" ")}: ${lines[0]}`);
    this.names.add(name);
    return records;
  }
}

Deno.test("each command prints with --json what docs/schema/buri.schema.json describes", async () => {
  const described = new Described();
  await askEngines(described);
  await askProcesses(described);
  const printing = COMMANDS.filter(({ output }) => output !== null).map(({ name }) => name);
  const missing = printing.filter((name) => name !== LABORATORY && !described.names.has(name));
  assert.deepEqual(missing, [], "not run here, so that nobody knows what they print");
  assert.deepEqual(COMMANDS.filter(({ output, hidden }) => output === null && !hidden), [], "without a schema");
});

Deno.test(needs("lab nat-matrix prints with --json what the schema describes", "linux", "netns", "nft"), async () => {
  const records = await new Described().start([...LABORATORY.split(" "), "--kinds", "PR"]);
  assert.equal(records.length, 1);
});

async function askEngines(described: Described): Promise<void> {
  await using world = await EngineWorld.make();
  const [ann, bob] = [await world.member("ann"), await world.member("bob")];
  const asAnn = (...words: string[]) => described.ask(ann.stateDir, ...words);
  const asBob = (...words: string[]) => described.ask(bob.stateDir, ...words);
  for (const line of ["status", "view", "logout", "login", "set-nick ann", "set-ip-mode both", "netcheck", "doctor"]) {
    await asAnn(...line.split(" "));
  }
  for (const line of ["attach a@example.org", "attach-net a@example.org", "cancel"]) await asAnn(...line.split(" "));
  await asAnn("create", "games", "s3same", "--type", "hub");
  await asAnn("welcome", "games", "Be nice.");
  await inviteAndRevoke(ann.stateDir, bob.stateDir, described);
  await until("bob to be there", async () => (await ann.control.list())[0]!.members.length === 1);
  await until("the welcome", async () => (await bob.control.notices()).length === 1);
  await asBob("notices");
  for (
    const line of [
      "list",
      "network games",
      "peer bob",
      "verify bob",
      "ping bob -c 2 -i 0.05",
      "why bob",
      "plain bob on",
    ]
  ) {
    await asAnn(...line.split(" "));
  }
  await tellAndWatch(described, ann.stateDir);
  for (
    const line of ["go-offline games", "go-online games", "announce games Hello", "hub games bob", "hub games bob off"]
  ) {
    await asAnn(...line.split(" "));
  }
  for (
    const line of [
      "admin games bob evict,ban",
      "set-pass games other",
      "set-access games unlock manual",
      "set-plain games on",
    ]
  ) {
    await asAnn(...line.split(" "));
  }
  await asAnn("evict", "games", "bob");
  await rejectAndApprove(ann.stateDir, bob.stateDir, described);
  const { id } = await bob.control.status();
  await asAnn("ban", "games", "bob", "too loud", "--for", "2h");
  await asAnn("bans", "games");
  await asAnn("unban", "games", id!);
  await asBob("join", "games", "other");
  await asAnn("approve", "games", id!);
  await asAnn("hand-over", "games", "bob");
  await asAnn("leave", "games");
  await asBob("delete", "games", "--yes");
  await asBob("down");
}

async function inviteAndRevoke(owner: string, other: string, described: Described): Promise<void> {
  const first = async () => {
    const [[{ id }]] = await described.ask(owner, "invites", "games") as unknown as [[{ id: string }]];
    return id;
  };
  const [{ link }] = await described.ask(owner, "invite", "games") as [{ link: string }];
  const used = await first();
  await described.ask(other, "join", link);
  await described.ask(owner, "invite", "games", "--uses", "2");
  const open = await first();
  assert.notEqual(open, used, "the first one is used up");
  await described.ask(owner, "revoke", "games", open);
}

async function rejectAndApprove(owner: string, other: string, described: Described): Promise<void> {
  for (const verb of ["reject", "approve"]) {
    await described.ask(other, "join", "games", "other");
    const [network] = await described.ask(owner, "network", "games") as [{ members: { id: string }[] }];
    await described.ask(owner, verb, "games", network.members[0]!.id);
  }
}

/** Messages, while somebody looks at what happens. */
async function tellAndWatch(described: Described, running: string): Promise<void> {
  const watching = new CliWorld({ running });
  const watched = watching.run("events", "--json");
  for (let tries = 0; watching.stdout.length === 0 && tries < 100; tries++) {
    await described.ask(running, "chat", "bob", "see you at nine");
  }
  watching.interrupt();
  await watched;
  assert.ok(watching.stdout.length > 0);
  described.names.add("events");
  await described.ask(running, "inbox", "--all");
}

async function askProcesses(described: Described): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "buri-json-" });
  const [data, state, file] = [`${folder}/server`, `${folder}/ann`, `${folder}/file`] as [string, string, string];
  Deno.chmodSync(folder, 0o755);
  const ports = ["--udp", "0", "--udp2", "0", "--relay", "0", "--tls", "0"];
  const server = await described.begin(["server", "--data", data, "--listen", "127.0.0.1:0", ...ports]);
  const [{ invite }] = await described.start(["server", "invite", "--data", data]) as [{ invite: string }];
  const engine = await described.begin(["up", "--state", state, "--server", invite, "--device", "none"]);
  const [{ id }] = await described.ask(state, "status") as [{ id: string }];
  await described.start(["server", "account", id, "--data", data]);
  await described.ask(state, "create", "games", "s3same");
  Deno.writeFileSync(`${folder}/program`, Uint8Array.of(0x7f, 0x45, 0x4c, 0x46));
  const files = ["--base", `${folder}/program`, "--out", `${folder}/packed`];
  await described.start(["pack", "games", ...files, "--state", state]);
  await engine.end("SIGTERM");
  await server.end("SIGTERM");
  await described.start(["backup", file, "s3same", "--state", state]);
  await described.start(["restore", file, "s3same", "--state", `${folder}/bob`]);
  for (const line of ["server policy", "check-update", "help", "schema", "completion bash", "version"]) {
    await described.start(line.split(" "));
  }
  Deno.removeSync(folder, { recursive: true });
}
