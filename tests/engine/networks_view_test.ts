import assert from "node:assert/strict";
import {
  EMPTY_VIEW,
  type NetworksView,
  type OwnPlace,
  peersOf,
  reduceView,
  type ViewMessage,
} from "../../src/engine/networks_view.ts";
import { type Member, MEMBER_CHANGE, MEMBER_STATUS, NETWORK_FLAG, type NetworkHead } from "../../src/protocol/mod.ts";

const own: OwnPlace = { clientId: 1, virtualAddress: 0x0a000001, pool: { base: 0x0a000000, bits: 16 } };

function head(networkId: number, change: Partial<NetworkHead> = {}): NetworkHead {
  return {
    networkId,
    name: `net-${networkId}`,
    kind: 1,
    flags: 0,
    capacity: 256,
    owner: 1,
    membership: 1,
    online: true,
    privileges: 0,
    subscription: "Open",
    ...change,
  };
}

function member(clientId: number, change: Partial<Member> = {}): Member {
  return { clientId, address: 0x0a000000 + clientId, nick: `n${clientId}`, status: 1, role: 0, ...change };
}

function view(...messages: ViewMessage[]): NetworksView {
  return messages.reduce(reduceView, EMPTY_VIEW);
}

const network = (networkId: number, members: Member[], change: Partial<NetworkHead> = {}): ViewMessage => ({
  type: "network",
  requestId: 0,
  head: head(networkId, change),
  members,
});

const memberMessage = (networkId: number, change: number, changed: Member): ViewMessage => ({
  type: "member",
  requestId: 0,
  networkId,
  change,
  member: changed,
});

const synchronised: ViewMessage = { type: "synchronised", requestId: 0 };
const welcome = { type: "welcome" } as ViewMessage;

Deno.test("reduceView follows members who join, change and leave", () => {
  const before = view(network(7, [member(2)]));
  const joined = reduceView(before, memberMessage(7, MEMBER_CHANGE.joined, member(3)));
  assert.deepEqual([...joined.networks.get(7)!.members.keys()], [2, 3]);
  const changed = reduceView(joined, memberMessage(7, MEMBER_CHANGE.changed, member(3, { status: 0 })));
  assert.equal(changed.networks.get(7)!.members.get(3)!.status, 0);
  for (const change of [MEMBER_CHANGE.left, MEMBER_CHANGE.evicted, MEMBER_CHANGE.banned]) {
    assert.deepEqual([...reduceView(joined, memberMessage(7, change, member(3))).networks.get(7)!.members.keys()], [2]);
  }
  assert.deepEqual([...before.networks.get(7)!.members.keys()], [2]);
});

Deno.test("reduceView changes a head without touching the members, and drops a network that is gone", () => {
  const before = view(network(7, [member(2)]));
  const changed = reduceView(before, { type: "networkChanged", requestId: 0, head: head(7, { flags: 1 }) });
  assert.equal(changed.networks.get(7)!.head.flags, 1);
  assert.equal(changed.networks.get(7)!.members.size, 1);
  assert.equal(reduceView(changed, { type: "networkGone", requestId: 0, networkId: 7, reason: 2 }).networks.size, 0);
});

Deno.test("reduceView ignores news of a network it does not hold", () => {
  assert.equal(reduceView(EMPTY_VIEW, memberMessage(7, MEMBER_CHANGE.joined, member(3))), EMPTY_VIEW);
  assert.equal(reduceView(EMPTY_VIEW, { type: "networkChanged", requestId: 0, head: head(7) }), EMPTY_VIEW);
});

Deno.test("reduceView keeps the old networks during a login and drops those not told again when it is complete", () => {
  const before = view(network(7, [member(2)]), network(8, []));
  const during = [welcome, network(8, [member(4)])].reduce(reduceView, before);
  assert.deepEqual([...during.networks.keys()], [7, 8]);
  const after = reduceView(during, synchronised);
  assert.deepEqual([...after.networks.keys()], [8]);
  assert.deepEqual([...reduceView(after, synchronised).networks.keys()], [8]);
});

Deno.test("reduceView holds at most 256 networks and 256 members in each", () => {
  const many = view(...Array.from({ length: 300 }, (_, id) => network(id, [])));
  assert.equal(many.networks.size, 256);
  const joins = Array.from({ length: 300 }, (_, id) => memberMessage(1, MEMBER_CHANGE.joined, member(id + 1)));
  assert.equal(view(network(1, []), ...joins).networks.get(1)!.members.size, 256);
});

Deno.test("peersOf joins the networks of a peer and sees it within reach where both are online", () => {
  const apart = view(
    network(7, [member(1), member(2)], { online: false }),
    network(8, [member(2, { status: MEMBER_STATUS.offline })]),
  );
  const peer = peersOf(apart, own).get(0x0a000002)!;
  assert.deepEqual([peer.networkIds, peer.isWithinReach], [[7, 8], false]);
  const together = reduceView(apart, network(9, [member(2)]));
  assert.equal(peersOf(together, own).get(0x0a000002)!.isWithinReach, true);
  assert.equal(peersOf(together, own).size, 1);
});

Deno.test("peersOf allows a tunnel to go on where the peer went offline, and not where we did", () => {
  const peerOffline = view(network(7, [member(2, { status: MEMBER_STATUS.offline })]));
  assert.deepEqual(peersOf(peerOffline, own).get(0x0a000002)!.isAllowed, true);
  const weOffline = view(network(7, [member(2)], { online: false }));
  assert.deepEqual(peersOf(weOffline, own).get(0x0a000002)!.isAllowed, false);
});

Deno.test("peersOf leaves out who waits for approval, on either side", () => {
  assert.equal(peersOf(view(network(7, [member(2, { status: MEMBER_STATUS.awaitingApproval })])), own).size, 0);
  assert.equal(peersOf(view(network(7, [member(2)], { membership: 2 })), own).size, 0);
});

Deno.test("peersOf leaves out addresses that are ours, outside of the pool, or of two clients", () => {
  const wrong = [member(2, { address: own.virtualAddress }), member(3, { address: 0x08080808 })];
  assert.equal(peersOf(view(network(7, wrong)), own).size, 0);
  const twice = view(network(7, [member(4, { address: 0x0a000009 }), member(5, { address: 0x0a000009 })]));
  assert.equal(peersOf(twice, own).get(0x0a000009)!.member.clientId, 4);
});

Deno.test("peersOf allows a plain tunnel where every common network does, and not only one of them", () => {
  const allowed = { flags: NETWORK_FLAG.plainTunnelsAllowed };
  const allowsPlain = (...networks: ViewMessage[]) => peersOf(view(...networks), own).get(0x0a000002)!.allowsPlain;
  assert.ok(allowsPlain(network(7, [member(2)], allowed), network(8, [member(2)], allowed)));
  assert.ok(!allowsPlain(network(7, [member(2)], allowed), network(8, [member(2)])));
  assert.ok(!allowsPlain(network(7, [member(2)]), network(8, [member(2)], allowed)));
});
