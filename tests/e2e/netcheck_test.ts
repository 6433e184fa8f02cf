/** `netcheck` without an engine, as real processes on loopback. */
import assert from "node:assert/strict";
import type { NatView } from "../../src/ipc/mod.ts";
import { buri, LongRun, outputOf } from "../support/buri_process.ts";

Deno.test("netcheck without an engine logs in by itself, leaves nothing running, and is refused where no server is known", async () => {
  const folder = await Deno.makeTempDir({ prefix: "buri-netcheck-" });
  Deno.chmodSync(folder, 0o755);
  const [data, state] = [`${folder}/server`, `${folder}/ann`];
  const run = (...args: string[]) => outputOf(buri([...args, "--state", state]));
  const ports = ["--udp", "0", "--udp2", "0", "--relay", "0"];
  const server = new LongRun(["server", "--data", data, "--listen", "127.0.0.1:0", ...ports, "--log-level", "error"]);
  try {
    const host = (await server.line()).replace("buri server ready ", "");
    const invite = (await outputOf(buri(["server", "invite", "--data", data, "--host", host]))).stdout.trim();
    const unknown = await run("netcheck");
    assert.equal(unknown.code, 3, unknown.stderr);
    assert.match(unknown.stderr, /does not seem to be running/);
    const seen = await run("netcheck", "--json", "--server", invite);
    assert.equal(seen.code, 0, seen.stderr);
    const { udp, mapping, observed } = JSON.parse(seen.stdout) as NatView;
    assert.deepEqual([udp, mapping], [true, "endpointIndependent"]);
    assert.match(observed ?? "", /^127\.0\.0\.1:/);
    const again = await run("netcheck");
    assert.match(again.stdout, /^ {2}udp +: gets through$/m);
    assert.equal((await run("status")).code, 3, "no engine is left");
    assert.equal((await run("netcheck", "--server", "buri://nowhere")).code, 2);
  } finally {
    await server.end("SIGTERM");
    await Deno.remove(folder, { recursive: true });
  }
});
