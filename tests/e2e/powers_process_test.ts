/** Powers over a network from outside: a server, two engines and commands as processes, as people have them. */
import assert from "node:assert/strict";
import { buri, LongRun, outputOf } from "../support/buri_process.ts";
import { readList } from "../support/linux_client_reader.ts";

/** The state folder's engine is asked for this; resolves to what it prints. */
async function ask(state: string, ...words: string[]): Promise<string> {
  const { stdout, stderr, code } = await outputOf(buri([...words, "--state", state]));
  assert.ok(code === 0 || code === 1, stderr);
  return stdout.trimEnd();
}

/** Asks until the answer fits. */
async function askUntil(fits: RegExp, state: string, ...words: string[]): Promise<string> {
  for (let left = 20; left > 0; left--) {
    const answer = await ask(state, ...words);
    if (fits.test(answer)) return answer;
  }
  throw new Error(`${words.join(" ")} never gave ${fits}`);
}

Deno.test("approval, welcome, announcement and a ban that ends a tunnel within 2 s, from the command line", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "buri-powers-" });
  Deno.chmodSync(folder, 0o755);
  const [data, ann, bob] = ["server", "ann", "bob"].map((name) => `${folder}/${name}`) as [string, string, string];
  const ports = ["--udp", "0", "--udp2", "0", "--relay", "0", "--tls", "off"];
  const server = new LongRun(["server", "--data", data, "--listen", "127.0.0.1:0", ...ports]);
  assert.match(await server.line(), /^buri server ready/);
  const invite = (await outputOf(buri(["server", "invite", "--data", data]))).stdout.trim();
  const engines = [ann, bob].map((state) => {
    const nick = state.slice(folder.length + 1);
    return new LongRun(["up", "--state", state, "--server", invite, "--nick", nick, "--device", "none"]);
  });
  for (const engine of engines) assert.match(await engine.line(), /^buri up ready/);

  assert.match(await ask(ann, "create", "game night", ""), /\.\. ok$/);
  assert.match(await ask(ann, "set-access", "game night", "manual"), /\.\. ok$/);
  assert.match(await ask(ann, "welcome", "game night", "Be nice."), /\.\. ok$/);
  assert.match(await ask(bob, "do-join", "game night", ""), /\.\. ok, request sent$/);
  const [waiting] = readList(await askUntil(/\?/, ann, "list"));
  const { id, mark } = waiting!.memberList[0]!;
  assert.equal(mark, "?");
  assert.match(await ask(ann, "approve", "game night", id), /\.\. ok$/);
  await askUntil(/welcome from .*: Be nice\.$/, bob, "notices");
  assert.match(await ask(ann, "announce", "game night", "No game today."), /\.\. ok$/);
  await askUntil(/announcement from .*: No game today\.$/m, bob, "notices");

  assert.match(await ask(ann, "ping", "bob", "--count", "1"), /1 answered/);
  assert.match(await ask(ann, "ban", "game night", "bob", "too loud", "--for", "2h"), /\.\. ok$/);
  const banned = performance.now();
  assert.equal(await ask(bob, "list"), "");
  assert.ok(performance.now() - banned < 2_000);
  assert.match(await ask(bob, "ping", "ann", "--count", "1"), /\.\. failed, peer not found$/);
  assert.match(await ask(bob, "do-join", "game night", ""), /\.\. failed, you are banned$/);
  assert.match(await ask(ann, "bans", "game night"), new RegExp(`^${id}  bob .*until .* UTC +too loud$`));
  assert.match(await ask(ann, "unban", "game night", id), /\.\. ok$/);
  assert.match(await ask(bob, "do-join", "game night", ""), /\.\. ok, request sent$/);

  for (const engine of engines) await engine.end("SIGTERM");
  await server.end("SIGTERM");
  Deno.removeSync(folder, { recursive: true });
});
