import type { EngineStatus, MemberView, MessageView, NatView, NetworkView, WhyView } from "../../src/ipc/mod.ts";

/** A member with a direct tunnel, unless `changes` say otherwise. */
export function sampleMember(changes: Partial<MemberView> = {}): MemberView {
  return {
    id: "090-123-456",
    nick: "bob",
    address4: "10.77.0.2",
    address6: "fd12:3456:789a::a4d:2",
    status: "online",
    role: "member",
    alias: null,
    path: "direct",
    transport: "udp",
    endpoint: "203.0.113.5:42000",
    rttMs: 12.34,
    suite: 2,
    bytesIn: 1536,
    bytesOut: 1048576,
    encrypted: true,
    message: null,
    ...changes,
  };
}

/** A member without a tunnel. */
export function offlineMember(changes: Partial<MemberView> = {}): MemberView {
  const gone = {
    status: "offline",
    path: null,
    transport: null,
    endpoint: null,
    rttMs: null,
    suite: null,
    encrypted: null,
  } as const;
  return sampleMember({ ...gone, bytesIn: 0, bytesOut: 0, ...changes });
}

/** A network of somebody else's. */
export function sampleNetwork(changes: Partial<NetworkView> = {}): NetworkView {
  return {
    id: "office",
    name: "office",
    online: true,
    memberCount: 1 + (changes.members?.length ?? 0),
    capacity: 256,
    subnet: null,
    subscription: "Free",
    owner: { id: "090-123-456", nick: "bob", isSelf: false },
    type: "mesh",
    status: "unlocked",
    approve: "auto",
    plainTunnels: false,
    privileges: [],
    problem: null,
    members: [],
    ...changes,
  };
}

/** An engine that is logged in. */
export function sampleStatus(changes: Partial<EngineStatus> = {}): EngineStatus {
  return {
    version: "3.0.0",
    pid: 4711,
    status: "logged in",
    id: "090-736-821",
    address4: "10.77.0.1",
    address6: "fd12:3456:789a::a4d:1",
    nick: "alice",
    account: null,
    server: "203.0.113.1:12975",
    device: "buri0",
    problem: null,
    ...changes,
  };
}

/** A message of bob's that was not read. */
export function sampleMessage(changes: Partial<MessageView> = {}): MessageView {
  return {
    id: "00112233445566778899aabbccddeeff",
    direction: "in",
    from: { id: "090-123-456", nick: "bob" },
    to: { id: "090-736-821", nick: "alice" },
    network: null,
    text: "see you at nine",
    sentAt: 1_700_000_000_000,
    read: false,
    verified: true,
    deliveries: [],
    ...changes,
  };
}

/** A network behind a common home router. */
export function sampleNat(changes: Partial<NatView> = {}): NatView {
  return {
    udp: true,
    observed: "203.0.113.5:42000",
    local: ["192.168.1.5:42000"],
    isTranslated: true,
    mapping: "endpointIndependent",
    filtering: "addressAndPortDependent",
    keepsPort: true,
    portStep: null,
    portRange: [31000, 58000],
    hairpin: false,
    portMapping: null,
    ipv6: false,
    ...changes,
  };
}

/** A peer behind a symmetric router, reached through a relay. */
export function sampleWhy(changes: Partial<WhyView> = {}): WhyView {
  return {
    id: "090-123-456",
    nick: "bob",
    path: "relay",
    cause: "peerHard",
    words: "The peer's router gives each destination another port.",
    advice: "Switch on UPnP.",
    own: sampleNat(),
    peer: { mapping: "addressAndPortDependent", filtering: null, observed: "203.0.113.9:5001" },
    candidates: [
      { kind: "observed", endpoint: "203.0.113.9:5001", sent: 12, answered: 0, rttMs: null, inUse: false },
      { kind: "relay", endpoint: "198.51.100.1:17771", sent: 40, answered: 39, rttMs: 21.5, inUse: true },
    ],
    isSearching: false,
    failedSearches: 1,
    ...changes,
  };
}
