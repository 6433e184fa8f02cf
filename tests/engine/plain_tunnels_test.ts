import assert from "node:assert/strict";
import type { KnownPeer } from "../../src/engine/networks_view.ts";
import { namePlainPeer, PlainPeers } from "../../src/engine/plain_tunnels.ts";
import type { PeerPin } from "../../src/engine/state_files.ts";
import { ControlError, type PeerView } from "../../src/ipc/schema.ts";
import { sampleMember } from "../support/sample_views.ts";

const KEY = new Uint8Array(32).fill(1);
const OTHER_KEY = new Uint8Array(32).fill(2);
const ADDRESS = 0x0a4d0002;
const BOB: PeerView = { ...sampleMember(), networks: ["lab"], plainWanted: false };
const peer = (allowsPlain: boolean): KnownPeer => ({
  member: { clientId: 2, address: ADDRESS, nick: "bob", status: 1, role: 0 },
  networkIds: [7],
  isAllowed: true,
  isWithinReach: true,
  allowsPlain,
});

/** Somebody who has pinned this key of bob. */
function world(ed25519: Uint8Array | null = KEY) {
  const settings = { plainPeers: [] as string[] };
  const saved: string[][] = [];
  const disk = { isFull: false };
  const plainPeers = new PlainPeers(settings, (list) => {
    if (disk.isFull) throw new ControlError("cannotSave");
    saved.push(list);
  });
  const pins = new Map<number, PeerPin>([[ADDRESS, { ed25519, rsa: null, suiteSeen: 2 }]]);
  let renewals = 0;
  const peers = { plainChanged: () => renewals++ };
  const account = { trust: { publicKey: null, pins }, peers } as unknown as Parameters<
    typeof namePlainPeer
  >[0]["account"];
  const name = (isNamed: boolean) => namePlainPeer({ account, plainPeers }, BOB, isNamed);
  return { plainPeers, saved, disk, name, renewals: () => renewals };
}

Deno.test("PlainPeers allows what the user and all networks do, for the key that was named and for no other", () => {
  const { plainPeers, name, saved } = world();
  assert.ok(!plainPeers.allow(peer(true), KEY));
  name(true);
  assert.ok(plainPeers.allow(peer(true), KEY));
  assert.ok(!plainPeers.allow(peer(false), KEY), "a network forbids it");
  assert.ok(!plainPeers.allow(null, KEY), "it shares no network any more");
  assert.ok(!plainPeers.allow(peer(true), OTHER_KEY), "somebody else under its address");
  assert.ok(!plainPeers.allow(peer(true), null), "without a key of suite 2");
  name(false);
  assert.ok(!plainPeers.allow(peer(true), KEY));
  assert.deepEqual(saved, [["01".repeat(32)], []]);
});

Deno.test("namePlainPeer names nobody whose key is not pinned: the server could put any in its place", () => {
  const { plainPeers, name, saved } = world(null);
  assert.throws(() => name(true), (error) => error instanceof ControlError && error.code === "peerKeyRefused");
  name(false);
  assert.deepEqual([saved, plainPeers.has(KEY)], [[], false]);
});

Deno.test("what cannot be saved is not agreed to, and yet can be taken back", () => {
  const { plainPeers, name, disk, renewals } = world();
  disk.isFull = true;
  assert.throws(() => name(true), ControlError);
  assert.ok(!plainPeers.has(KEY));
  disk.isFull = false;
  name(true);
  disk.isFull = true;
  assert.throws(() => name(false), ControlError);
  assert.ok(!plainPeers.has(KEY));
  assert.equal(renewals(), 3);
});
