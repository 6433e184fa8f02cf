import assert from "node:assert/strict";
import { needs } from "../support/needs.ts";
import { roam } from "../support/roaming_run.ts";
import "../support/load_native.ts";

Deno.test(
  needs(
    "a download survives that the uplink moves to another NAT, and goes on within 3 s",
    "linux",
    "root",
    "netns",
    "tun",
  ),
  async () => {
    const bytes = 40 << 20;
    const order = { bytes, rate: bytes / 7.5, moves: 2, pauseMs: 3_000 } as const;
    const { download, sha256, gaps } = await roam({ ...order, kinds: ["PR", "CG"], peerKind: "PR" });
    assert.equal(download.bytes, bytes);
    assert.equal(download.sha256, sha256);
    assert.equal(gaps.length, 2);
    assert.ok(gaps.every((ms) => ms < 3_000), `${gaps} ms`);
  },
);
