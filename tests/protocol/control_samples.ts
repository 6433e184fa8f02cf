import { type ControlMessage, decodeControl, encodeControl, type Side } from "../../src/protocol/mod.ts";
import {
  CANDIDATES,
  CANDIDATES_HEX,
  ENDPOINT,
  ENDPOINT6,
  ENDPOINT6_HEX,
  ENDPOINT_HEX,
  fill,
  hx,
  type Sample,
} from "./sample.ts";

const RELAYS = [{
  relayId: fill(16, 0x71),
  endpoints: [ENDPOINT],
  ticket: fill(126, 0x72),
  bindSecret: fill(32, 0x73),
}];
const RELAYS_HEX = "0001" + hx(16, 0x71) + "0001" + ENDPOINT_HEX + "007e" + hx(126, 0x72) + hx(32, 0x73);
const HEAD = {
  networkId: 9,
  name: "lan 1",
  kind: 1,
  flags: 6,
  capacity: 256,
  owner: 123456789,
  membership: 1,
  online: true,
  privileges: 63,
  subscription: "Free",
};
const HEAD_HEX = "00000009" + "0005" + "6c616e2031" + "01" + "06" + "0100" + "075bcd15" + "01" + "01" + "3f" +
  "0004" + "46726565";
const MEMBER = { clientId: 5, address: 0x0a010203, nick: "bo", status: 1, role: 0 };
const MEMBER_HEX = "00000005" + "0a010203" + "0002" + "626f" + "01" + "00";

const OPERATION = 0x0102030405060708n;
const SHARED = { operation: OPERATION, networkId: 9 };
const SHARED_HEX = "0102030405060708" + "00000009";
const OF_MEMBER = { ...SHARED, clientId: 5 };
const OF_MEMBER_HEX = SHARED_HEX + "00000005";
const SECRET = fill(32, 0x5e);
const SECRET_HEX = hx(32, 0x5e);

function control(message: ControlMessage, from: Side, hex: string, hasRest = false): Sample {
  const codec = {
    encode: (value: unknown) => encodeControl(value as ControlMessage),
    decode: (bytes: Uint8Array) => decodeControl(bytes, from),
  };
  return { name: message.type, codec, value: message, hex, isStrict: false, hasRest };
}

export const CONTROL_SAMPLES: Sample[] = [
  control(
    { type: "result", requestId: 7, code: 4, message: "no", payload: fill(4, 1) },
    "server",
    "20" + "00000007" + "0004" + "0002" + "6e6f" + "01010101",
    true,
  ),
  control(
    {
      type: "welcome",
      requestId: 0,
      clientId: 123456789,
      address: 0x0a010203,
      poolBase: 0x0a010000,
      poolBits: 16,
      prefix6: fill(12, 0xfd),
      sessionId: fill(8, 1),
      discoveryKey: fill(32, 2),
      udpPort: 12975,
      udp2Port: 12976,
      discoveryEndpoints: [ENDPOINT6],
      observed: ENDPOINT,
      keepaliveSeconds: 60,
      spreadSeconds: 30,
      time: 1n,
      nick: "bo",
      serverName: "home",
      flags: 2,
    },
    "server",
    "21" + "00000000" + "075bcd15" + "0a010203" + "0a010000" + "10" + hx(12, 0xfd) + hx(8, 1) + hx(32, 2) + "32af" +
      "32b0" + "0001" + ENDPOINT6_HEX + ENDPOINT_HEX + "003c" + "001e" + "0000000000000001" + "0002" + "626f" + "0004" +
      "686f6d65" + "00000002",
  ),
  control({ type: "ping", requestId: 3 }, "client", "22" + "00000003"),
  control({ type: "pong", requestId: 3, time: 2n }, "server", "23" + "00000003" + "0000000000000002"),
  control(
    { type: "goodbye", requestId: 0, reason: 2, retryAfterMs: 500 },
    "server",
    "24" + "00000000" + "02" + "000001f4",
  ),
  control(
    { type: "addKey", requestId: 1, keyType: 2, publicKey: fill(32, 1), proof: fill(64, 2) },
    "client",
    "25" + "00000001" + "02" + "0020" + hx(32, 1) + "0040" + hx(64, 2),
  ),
  control(
    { type: "setNick", requestId: 1, operation: OPERATION, nick: "bo" },
    "client",
    "26" + "00000001" + "0102030405060708" + "0002" + "626f",
  ),
  control(
    {
      type: "rotateKey",
      requestId: 1,
      operation: OPERATION,
      keyType: 2,
      newPublicKey: fill(32, 1),
      proofByNew: fill(64, 2),
      proofByOld: fill(64, 3),
    },
    "client",
    "27" + "00000001" + "0102030405060708" + "02" + "0020" + hx(32, 1) + "0040" + hx(64, 2) + "0040" + hx(64, 3),
  ),
  control(
    { type: "streams", requestId: 0, tlsPort: 443, relayId: fill(16, 0x71) },
    "server",
    "28" + "00000000" + "01bb" + hx(16, 0x71),
  ),
  control(
    {
      type: "create",
      requestId: 1,
      operation: OPERATION,
      name: "lan 1",
      hasPassword: true,
      joinSecret: SECRET,
      kind: 1,
    },
    "client",
    "30" + "00000001" + "0102030405060708" + "0005" + "6c616e2031" + "01" + SECRET_HEX + "01",
  ),
  control(
    { type: "join", requestId: 1, operation: OPERATION, name: "lan 1", hasPassword: false, joinSecret: fill(32, 0) },
    "client",
    "31" + "00000001" + "0102030405060708" + "0005" + "6c616e2031" + "00" + hx(32, 0),
  ),
  control({ type: "leave", requestId: 1, ...SHARED }, "client", "32" + "00000001" + SHARED_HEX),
  control({ type: "delete", requestId: 1, ...SHARED }, "client", "33" + "00000001" + SHARED_HEX),
  control(
    { type: "setOnline", requestId: 1, ...SHARED, online: false },
    "client",
    "34" + "00000001" + SHARED_HEX + "00",
  ),
  control(
    { type: "setPassword", requestId: 1, ...SHARED, hasPassword: true, joinSecret: SECRET, sealing: fill(0, 0) },
    "client",
    "35" + "00000001" + SHARED_HEX + "01" + SECRET_HEX,
  ),
  control(
    { type: "setAccess", requestId: 1, ...SHARED, locked: 1, approval: 255 },
    "client",
    "36" + "00000001" + SHARED_HEX + "01" + "ff",
  ),
  control({ type: "evict", requestId: 1, ...OF_MEMBER }, "client", "37" + "00000001" + OF_MEMBER_HEX),
  control({ type: "approve", requestId: 1, ...OF_MEMBER }, "client", "38" + "00000001" + OF_MEMBER_HEX),
  control({ type: "reject", requestId: 1, ...OF_MEMBER }, "client", "39" + "00000001" + OF_MEMBER_HEX),
  control(
    { type: "ban", requestId: 1, ...OF_MEMBER, until: 0n, reason: "spam" },
    "client",
    "3a" + "00000001" + OF_MEMBER_HEX + "0000000000000000" + "0004" + "7370616d",
  ),
  control({ type: "unban", requestId: 1, ...OF_MEMBER }, "client", "3b" + "00000001" + OF_MEMBER_HEX),
  control(
    { type: "setAdmin", requestId: 1, ...OF_MEMBER, privileges: 3 },
    "client",
    "3c" + "00000001" + OF_MEMBER_HEX + "03",
  ),
  control({ type: "handOver", requestId: 1, ...OF_MEMBER }, "client", "3d" + "00000001" + OF_MEMBER_HEX),
  control(
    { type: "setMessage", requestId: 1, ...SHARED, welcome: "hi" },
    "client",
    "3e" + "00000001" + SHARED_HEX + "00026869",
  ),
  control(
    { type: "announce", requestId: 1, ...SHARED, message: "hi" },
    "client",
    "3f" + "00000001" + SHARED_HEX + "00026869",
  ),
  control(
    { type: "network", requestId: 0, head: HEAD, members: [MEMBER] },
    "server",
    "40" + "00000000" + HEAD_HEX + "0001" + MEMBER_HEX,
  ),
  control(
    { type: "member", requestId: 0, networkId: 9, change: 2, member: MEMBER },
    "server",
    "41" + "00000000" + "00000009" + "02" + MEMBER_HEX,
  ),
  control(
    { type: "networkGone", requestId: 0, networkId: 9, reason: 3 },
    "server",
    "42" + "00000000" + "00000009" + "03",
  ),
  control({ type: "networkChanged", requestId: 0, head: HEAD }, "server", "43" + "00000000" + HEAD_HEX),
  control(
    { type: "notice", requestId: 0, networkId: 9, kind: 2, clientId: 5, sentAt: 1n, message: "hi" },
    "server",
    "44" + "00000000" + "00000009" + "02" + "00000005" + "0000000000000001" + "00026869",
  ),
  control({ type: "synchronised", requestId: 0 }, "server", "45" + "00000000"),
  control(
    { type: "sealing", requestId: 0, networkId: 9, sealing: fill(3, 2) },
    "server",
    "46" + "00000000" + "00000009" + "0003" + hx(3, 2),
  ),
  control({ type: "setPlain", requestId: 1, ...SHARED, plain: true }, "client", "4c" + "00000001" + SHARED_HEX + "01"),
  control(
    { type: "setHub", requestId: 1, ...OF_MEMBER, hub: true },
    "client",
    "47" + "00000001" + OF_MEMBER_HEX + "01",
  ),
  control({ type: "getBans", requestId: 1, networkId: 9 }, "client", "48" + "00000001" + "00000009"),
  control(
    { type: "endpoints", requestId: 1, candidates: CANDIDATES },
    "client",
    "50" + "00000001" + "0002" + CANDIDATES_HEX,
  ),
  control(
    { type: "tunnelRequest", requestId: 1, peer: 0x0a010204, reason: 1 },
    "client",
    "51" + "00000001" + "0a010204" + "01",
  ),
  control(
    {
      type: "rendezvous",
      requestId: 0,
      peerClientId: 5,
      peerAddress: 0x0a010204,
      localSpi: 256,
      remoteSpi: 257,
      suites: [2],
      keys: [{ keyType: 2, publicKey: fill(32, 1) }],
      commonNetworks: [9],
      candidates: CANDIDATES,
      relays: RELAYS,
      cause: 1,
      startInMs: 50,
    },
    "server",
    "52" + "00000000" + "00000005" + "0a010204" + "00000100" + "00000101" + "01" + "00000002" + "0001" + "02" + "0020" +
      hx(32, 1) + "0001" + "00000009" + "0002" + CANDIDATES_HEX + RELAYS_HEX + "01" + "0032",
  ),
  control(
    { type: "peerEndpoints", requestId: 0, localSpi: 256, candidates: [] },
    "server",
    "53" + "00000000" + "00000100" + "0000",
  ),
  control(
    { type: "tunnelClosed", requestId: 0, localSpi: 256, reason: 2 },
    "server",
    "54" + "00000000" + "00000100" + "02",
  ),
  control({ type: "getKeys", requestId: 1, clientId: 5 }, "client", "55" + "00000001" + "00000005"),
  control({ type: "getTickets", requestId: 1, localSpi: 256 }, "client", "56" + "00000001" + "00000100"),
  control({ type: "punchRequest", requestId: 1, localSpi: 256 }, "client", "57" + "00000001" + "00000100"),
  control(
    { type: "punchStart", requestId: 0, localSpi: 256, inMs: 80, candidates: CANDIDATES },
    "server",
    "58" + "00000000" + "00000100" + "0050" + "0002" + CANDIDATES_HEX,
  ),
  control(
    {
      type: "messageSend",
      requestId: 1,
      operation: OPERATION,
      messageId: fill(16, 1),
      networkId: 9,
      clientId: 5,
      sealed: fill(3, 2),
    },
    "client",
    "60" + "00000001" + "0102030405060708" + hx(16, 1) + "00000009" + "00000005" + "0003" + hx(3, 2),
  ),
  control(
    {
      type: "message",
      requestId: 0,
      messageId: fill(16, 1),
      networkId: 9,
      clientId: 5,
      sentAt: 1n,
      sealed: fill(3, 2),
    },
    "server",
    "61" + "00000000" + hx(16, 1) + "00000009" + "00000005" + "0000000000000001" + "0003" + hx(3, 2),
  ),
  control(
    { type: "messageAck", requestId: 1, messageId: fill(16, 1), clientId: 5 },
    "client",
    "62" + "00000001" + hx(16, 1) + "00000005",
  ),
  control(
    { type: "createInvite", requestId: 1, ...SHARED, uses: 1, expiresAt: 2n, verifier: SECRET },
    "client",
    "63" + "00000001" + SHARED_HEX + "0001" + "0000000000000002" + SECRET_HEX,
  ),
  control(
    { type: "joinInvited", requestId: 1, ...SHARED, secret: SECRET },
    "client",
    "64" + "00000001" + SHARED_HEX + SECRET_HEX,
  ),
  control({ type: "getInvites", requestId: 1, networkId: 9 }, "client", "65" + "00000001" + "00000009"),
  control(
    { type: "revokeInvite", requestId: 1, ...SHARED, inviteId: fill(8, 3) },
    "client",
    "66" + "00000001" + SHARED_HEX + hx(8, 3),
  ),
  control(
    { type: "putMessageKey", requestId: 1, messageKey: fill(1289, 3) },
    "client",
    "68" + "00000001" + hx(1289, 3),
  ),
  control({ type: "getMessageKey", requestId: 1, clientId: 5 }, "client", "69" + "00000001" + "00000005"),
];
