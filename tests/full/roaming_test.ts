import assert from "node:assert/strict";
import { needs } from "../support/needs.ts";
import { roam } from "../support/roaming_run.ts";
import "../support/load_native.ts";

Deno.test(
  needs(
    "a download of 200 MiB survives 20 moves of the uplink, 19 of them within 3 s",
    "linux",
    "root",
    "netns",
    "tun",
  ),
  async () => {
    const bytes = 200 << 20;
    const order = { bytes, rate: bytes / 75, moves: 20, pauseMs: 3_500 } as const;
    const { download, sha256, gaps } = await roam({ ...order, kinds: ["PR", "PR", "CG"], peerKind: "PR" });
    assert.equal(download.bytes, bytes);
    assert.equal(download.sha256, sha256);
    const sorted = gaps.toSorted((one, other) => one - other);
    assert.ok(sorted[Math.ceil(0.95 * sorted.length) - 1]! < 3_000, `${sorted} ms`);
    console.log(`gaps after a move: p50 ${sorted[9]} ms, p95 ${sorted[18]} ms, longest ${sorted[19]} ms`);
  },
);
