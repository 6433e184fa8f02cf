import type { EngineStatus, MemberView, MessageView, NetworkView } from "../../src/ipc/mod.ts";

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
    message: null,
    ...changes,
  };
}

/** A member without a tunnel. */
export function offlineMember(changes: Partial<MemberView> = {}): MemberView {
  const gone = { status: "offline", path: null, transport: null, endpoint: null, rttMs: null, suite: null } as const;
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
    privileges: [],
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
