/** A friend's way in: `join LINK` on a computer that has never seen Buri, as real processes on loopback. */
import assert from "node:assert/strict";
import { buri, LongRun, outputOf, type Result } from "../support/buri_process.ts";

const run = (...args: string[]): Promise<Result> => outputOf(buri(args));

Deno.test("buri join LINK starts an engine on a fresh computer, joins, and reaches the one who invited", async () => {
  const folder = await Deno.makeTempDir({ prefix: "buri-invite-" });
  const [data, ann, bob] = ["server", "ann", "bob"].map((name) => `${folder}/${name}`) as [string, string, string];
  const started: LongRun[] = [];
  const start = (...args: string[]) => {
    const process = new LongRun([...args, "--log-level", "error"]);
    started.push(process);
    return process;
  };
  try {
    const ports = ["--udp", "0", "--udp2", "0", "--relay", "0"];
    const ready = await start("server", "--data", data, "--listen", "127.0.0.1:0", ...ports).line();
    const host = ready.replace("buri server ready ", "");
    const server = (await run("server", "invite", "--data", data, "--host", host)).stdout.trim();
    await start("up", "--state", ann, "--server", server, "--nick", "ann", "--device", "none").line();
    assert.equal((await run("create", "games", "s3same", "--state", ann)).code, 0);
    const { stdout, stderr } = await run("invite", "games", "--state", ann);
    const link = stdout.trim();
    assert.ok(link.startsWith(`${server}&join=`), stdout);
    assert.match(stderr, /█[^]*Good once, until /);

    const friend = start("join", link, "--state", bob, "--nick", "bob", "--device", "none");
    assert.match(await friend.line(), /^buri up ready 10\./);
    assert.equal(await friend.line(), "Joining by invite .. ok, games");
    // The invite has brought the network's peer secret, without which there would be no tunnel.
    const ping = await run("ping", "ann", "--count", "5", "--state", bob);
    assert.equal(ping.code, 0, ping.stdout + ping.stderr);
    assert.equal(
      (await run("join", link, "--state", bob)).stdout,
      "Joining by invite .. ok, you are already a member\n",
    );

    const late = start("join", link, "--state", `${folder}/eve`, "--device", "none");
    assert.match(await late.line(), /^buri up ready 10\./);
    assert.equal(await late.line(), "Joining by invite .. failed, the invite is used up or not valid");
    assert.equal((await late.end()).code, 1);
    assert.equal((await friend.end("SIGINT")).code, 0);
  } finally {
    for (const process of started.toReversed()) {
      try {
        await process.end("SIGTERM");
      } catch {
        // It has ended already.
      }
    }
    await Deno.remove(folder, { recursive: true });
  }
});
