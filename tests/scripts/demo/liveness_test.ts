import assert from "node:assert/strict";
import { watchUntil } from "../../../scripts/demo/liveness.ts";
import { LabProcess, spawnChild } from "../../../src/lab/lab_process.ts";
import { needs } from "../../support/needs.ts";

/** A stand-in for `buri ping --json` that prints these lines at once and then waits. */
function prober(...lines: { rttMs: number | null; path: string | null }[]): LabProcess {
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  return new LabProcess("alice", spawnChild(["sh", "-c", `sleep 0.1; echo '${text}'; exec sleep 60`]));
}

const direct = { rttMs: 1, path: "direct" };
const relay = { rttMs: 2, path: "relay" };
const lost = { rttMs: null, path: null };

Deno.test(needs("watchUntil waits for five answers over the wished path", "linux"), async () => {
  const process = prober(direct, lost, relay, relay, lost, relay, relay, relay);
  const { longestGapMs, pathAfterMs } = await watchUntil("relay", process, null, 5000);
  assert(longestGapMs > 50 && pathAfterMs > 50, `${longestGapMs} ${pathAfterMs}`);
  await process.stop();
});

Deno.test(needs("watchUntil gives up when the path does not come or the prober ends", "linux"), async () => {
  const process = prober(direct, relay, relay, lost, relay, relay);
  await assert.rejects(watchUntil("relay", process, null, 400), /no packets over a relay path within 0\.4 s/);
  const watching = watchUntil("relay", process, null, 5000);
  await process.stop();
  await assert.rejects(watching, /the ping of alice ended/);
});
