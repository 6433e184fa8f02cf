import assert from "node:assert/strict";
import { parseIpv4 } from "../../src/base/ip.ts";
import { EMPTY_VIEW, type NetworksView, reduceView } from "../../src/engine/networks_view.ts";
import {
  findNetwork,
  findPeer,
  formatClientId,
  listNetworks,
  type PeerFacts,
  type ViewInput,
} from "../../src/engine/views.ts";
import { ControlError, type MemberView } from "../../src/ipc/schema.ts";
import type { Member, NetworkHead } from "../../src/protocol/mod.ts";

const prefix6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);

const head: NetworkHead = {
  networkId: 7,
  name: "My Games",
  kind: 1,
  flags: 0b011,
  capacity: 5,
  owner: 1,
  membership: 1,
  online: true,
  privileges: 0,
  subscription: "Open",
};

const ann: Member = { clientId: 2, address: parseIpv4("10.7.0.2")!, nick: "Ann", status: 1, role: 0 };
const bob: Member = { clientId: 90_123_456, address: parseIpv4("10.7.0.3")!, nick: "bob", status: 0, role: 0 };
const nameless: Member = { clientId: 4, address: parseIpv4("10.7.0.4")!, nick: "", status: 2, role: 0 };

function viewOf(...networks: [NetworkHead, Member[]][]): NetworksView {
  return networks.reduce(
    (view, [head, members]) => reduceView(view, { type: "network", requestId: 0, head, members }),
    EMPTY_VIEW,
  );
}

function input(change: Partial<ViewInput> = {}): ViewInput {
  const view = viewOf([head, [ann, bob, nameless]]);
  return {
    view,
    clientId: 1,
    nick: "me",
    prefix6,
    isLoggedIn: true,
    factsOf: () => null,
    wantsPlain: () => false,
    hasLostSecret: () => false,
    ...change,
  };
}

const link: PeerFacts = {
  link: { path: "direct", transport: "udp", endpoint: "1.2.3.4:5", rttMs: 3, suite: 2, isEncrypted: true },
  refused: null,
  isUnreachable: false,
  bytesIn: 10,
  bytesOut: 20,
};

const statusesOf = (change: Partial<ViewInput>) => listNetworks(input(change))[0]!.members.map(({ status }) => status);

Deno.test("listNetworks shows a network as commands expect it", () => {
  const [network] = listNetworks(input());
  assert.deepEqual({ ...network, members: network!.members.map(({ nick }) => nick) }, {
    id: "My Games",
    name: "My Games",
    online: true,
    memberCount: 4,
    capacity: 5,
    subnet: null,
    subscription: "Open",
    owner: { id: "000-000-001", nick: "me", isSelf: true },
    type: "mesh",
    status: "locked",
    approve: "manual",
    plainTunnels: false,
    privileges: [],
    problem: null,
    members: ["", "Ann", "bob"],
  });
  assert.match(listNetworks(input({ hasLostSecret: () => true }))[0]!.problem ?? "", /`join` it again/);
});

Deno.test("listNetworks leaves oneself out of the members, but not of their number", () => {
  const self: Member = { ...ann, clientId: 1 };
  const [network] = listNetworks(input({ view: viewOf([head, [self, ann]]) }));
  assert.deepEqual([network!.memberCount, network!.members.length], [2, 1]);
});

Deno.test("listNetworks shows the path of a member that is online", () => {
  const [, member] = listNetworks(input({ factsOf: () => link }))[0]!.members;
  assert.deepEqual(member, {
    id: "000-000-002",
    nick: "Ann",
    address4: "10.7.0.2",
    address6: "fd00:0:1::a07:2",
    status: "online",
    role: "member",
    alias: null,
    path: "direct",
    transport: "udp",
    endpoint: "1.2.3.4:5",
    rttMs: 3,
    suite: 2,
    bytesIn: 10,
    bytesOut: 20,
    encrypted: true,
    message: null,
  });
});

Deno.test("listNetworks tells who is there by the server's word, and by tunnels while it is away", () => {
  assert.deepEqual(statusesOf({}), ["unapproved", "online", "offline"]);
  assert.deepEqual(statusesOf({ isLoggedIn: false }), ["unapproved", "offline", "offline"]);
  assert.deepEqual(statusesOf({ isLoggedIn: false, factsOf: () => link }), ["unapproved", "online", "online"]);
});

Deno.test("listNetworks marks a member that cannot be reached or not be trusted, and says why", () => {
  const unreachable = listNetworks(input({ factsOf: () => ({ ...link, link: null, isUnreachable: true }) }))[0]!;
  assert.deepEqual(unreachable.members.map(({ status }) => status), ["unapproved", "unreachable", "offline"]);
  assert.equal(unreachable.members[1]!.message, "no path to this peer");
  const refused = listNetworks(input({ factsOf: () => ({ ...link, link: null, refused: "the key has changed" }) }))[0]!;
  assert.deepEqual([refused.members[1]!.status, refused.members[1]!.message], ["error", "the key has changed"]);
});

Deno.test("findPeer takes an id, an address of either kind and a nickname, and names the common networks", () => {
  for (const text of ["000-000-002", "10.7.0.2", "fd00:0:1:0::a07:2", "Ann"]) {
    const peer = findPeer(input(), text);
    assert.deepEqual([peer.id, peer.networks], ["000-000-002", ["My Games"]], text);
  }
  assert.equal(findPeer(input(), "090-123-456").nick, "bob");
});

Deno.test("findPeer tells a peer that is unknown from one of several", () => {
  const isCode = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;
  for (const text of ["", "nobody", "10.7.0.9", "000-000-001", "me", "ann"]) {
    assert.throws(() => findPeer(input(), text), isCode("peerNotFound"), text);
  }
  const twins = viewOf([head, [ann, { ...bob, nick: "Ann" }]]);
  assert.throws(() => findPeer(input({ view: twins }), "Ann"), isCode("peerAmbiguous"));
});

Deno.test("findPeer prefers the network in which the peer is online", () => {
  const view = viewOf([head, [{ ...ann, status: 0 }]], [{ ...head, networkId: 8, name: "work" }, [ann]]);
  const peer = findPeer(input({ view }), "Ann");
  assert.deepEqual([peer.status, peer.networks], ["online", ["My Games", "work"]]);
});

Deno.test("findNetwork takes the exact name first and then any spelling of it", () => {
  const view = viewOf([{ ...head, name: "games" }, []], [{ ...head, networkId: 8, name: "GAMES 2" }, []]);
  assert.equal(findNetwork(view, "games").head.networkId, 7);
  assert.equal(findNetwork(view, "games 2").head.networkId, 8);
  assert.throws(() => findNetwork(view, "game"), ControlError);
});

Deno.test("formatClientId writes nine digits in threes", () => {
  assert.equal(formatClientId(90_123_456), "090-123-456");
});

Deno.test("listNetworks says of a tunnel that is not encrypted that it is not", () => {
  const plain: PeerFacts = { ...link, link: { ...link.link!, isEncrypted: false } };
  const of = (facts: PeerFacts | null) => {
    const [, { encrypted, message }] = listNetworks(input({ factsOf: () => facts }))[0]!.members as [
      unknown,
      MemberView,
    ];
    return [encrypted, message];
  };
  assert.deepEqual([of(plain), of(link), of(null)], [[false, "not encrypted"], [true, null], [null, null]]);
});
