import { utf8 } from "../../../src/base/bytes.ts";
import { deriveNetworkSecrets, sha256, signEd25519 } from "../../../src/crypto/mod.ts";
import {
  addKeyProofInput,
  authFailed,
  CANDIDATE_KIND,
  type ControlMessage,
  encodeControl,
  encodePlainFrame,
  encodeResultPayload,
  FRAME,
  KEY_TYPE,
  nameKey,
  refused,
  type RelayOffer,
  rotateKeyProofInput,
} from "../../../src/protocol/mod.ts";
import type { ExampleBook } from "./example_book.ts";
import { ADDRESS_I, ADDRESS_R, ENDPOINT4, ENDPOINT6, type Inputs, SPI_I, SPI_R } from "./inputs.ts";

const OPERATION = 0x0102030405060708n;
const NETWORK = 9;
const CLIENT_I = 123_456_789;
const CLIENT_R = 234_567_890;
const CANDIDATES = [
  { kind: CANDIDATE_KIND.observed, endpoint: ENDPOINT4 },
  { kind: CANDIDATE_KIND.ipv6, endpoint: ENDPOINT6 },
];

/** Section 7. */
export function addSealedNetwork(book: ExampleBook, { server }: Inputs): Uint8Array {
  book.section(
    "sealedNetwork",
    "Sealed network",
    "Secrets of a network and its password, at the server of section 1.",
  );
  const name = book.add("name", "LAN Ｐarty");
  const key = book.add("nameKey", nameKey(name));
  const password = book.add("password", "correct horse");
  const secrets = deriveNetworkSecrets(utf8(password), server.ed25519.publicKey, utf8(key));
  const input = [utf8("buri sealed network\0"), server.ed25519.publicKey, utf8(key)];
  book.add("salt", sha256(...input).slice(0, 16));
  book.add("peerSecret", secrets.peerSecret);
  return book.add("joinSecret", secrets.joinSecret);
}

/** What the control messages take from other sections. */
interface ControlInputs {
  joinSecret: Uint8Array;
  relay: RelayOffer;
  messageKey: Uint8Array;
}

/** Section 6: plaintexts of protected messages on the control stream. */
export function addControl(book: ExampleBook, inputs: Inputs, { joinSecret, relay, messageKey }: ControlInputs): void {
  book.section(
    "control",
    "Control messages",
    "Plaintexts of protected messages on the control stream, and two refusals from before. requestId is 7 in requests and their\n" +
      "answers, 0 in pushes; operation is 0102030405060708.",
  );
  const add = (name: string, message: ControlMessage) => book.add(name, encodeControl(message));
  const request = { requestId: 7, operation: OPERATION };
  const push = { requestId: 0 };
  book.add("refused", encodePlainFrame(FRAME.refused, refused.encode({ code: 2, retryAfterSeconds: 30 })));
  book.add("authFailed", authFailed.encode({ code: 1, message: "no such account" }));
  add("welcome", welcome(book));
  add("ping", { type: "ping", requestId: 7 });
  add("pong", { type: "pong", requestId: 7, time: 1_700_000_000_000n });
  add("goodbye", { type: "goodbye", ...push, reason: 2, retryAfterMs: 500 });
  add("setNick", { type: "setNick", ...request, nick: "zoë" });
  add("create", { type: "create", ...request, name: "LAN Party", hasPassword: true, joinSecret, kind: 1 });
  add("created", result(encodeResultPayload("create", { networkId: NETWORK })));
  add("join", { type: "join", ...request, name: "LAN Party", hasPassword: true, joinSecret });
  add("joinFailed", { type: "result", requestId: 7, code: 4, message: "", payload: new Uint8Array(0) });
  add("leave", { type: "leave", ...request, networkId: NETWORK });
  add("evict", { type: "evict", ...request, networkId: NETWORK, clientId: CLIENT_R });
  addNetworkPushes(add);
  addTunnelMessages(add, inputs, relay);
  addKeyMessages(book, add, inputs);
  const messageId = book.made("messageId", 16);
  const addressed = { messageId, networkId: NETWORK, sealed: book.made("sealed", 24) };
  add("messageSend", { type: "messageSend", ...request, ...addressed, clientId: CLIENT_R });
  add("message", { type: "message", ...push, ...addressed, clientId: CLIENT_I, sentAt: 1_700_000_000_000n });
  add("messageAck", { type: "messageAck", requestId: 7, messageId, clientId: CLIENT_I });
  add("putMessageKey", { type: "putMessageKey", requestId: 7, messageKey });
  add("getMessageKey", { type: "getMessageKey", requestId: 7, clientId: CLIENT_R });
  const keys = [{ keyType: KEY_TYPE.ed25519, publicKey: inputs.responder.ed25519.publicKey }];
  add("messageKey", result(encodeResultPayload("getMessageKey", { keys, messageKey })));
  const secret = book.made("inviteSecret", 32);
  const invitation = { ...request, networkId: NETWORK, uses: 1, expiresAt: 1_700_086_400_000n };
  add("createInvite", { type: "createInvite", ...invitation, verifier: sha256(secret) });
  add("joinInvited", { type: "joinInvited", ...request, networkId: NETWORK, secret });
}

type Add = (name: string, message: ControlMessage) => void;

function result(payload: Uint8Array): ControlMessage {
  return { type: "result", requestId: 7, code: 0, message: "", payload };
}

function welcome(book: ExampleBook): ControlMessage {
  return {
    type: "welcome",
    requestId: 0,
    clientId: CLIENT_I,
    address: ADDRESS_I,
    poolBase: 0x0a140000,
    poolBits: 16,
    prefix6: Uint8Array.fromHex("fd12345678abcdef01234567"),
    sessionId: book.made("sessionId", 8),
    discoveryKey: book.made("discoveryKey", 32),
    udpPort: 12975,
    udp2Port: 12976,
    discoveryEndpoints: [],
    observed: ENDPOINT4,
    keepaliveSeconds: 60,
    spreadSeconds: 30,
    time: 1_700_000_000_000n,
    nick: "zoë",
    serverName: "home",
    flags: 2,
  };
}

function addNetworkPushes(add: Add): void {
  const push = { requestId: 0 };
  const head = {
    networkId: NETWORK,
    name: "LAN Party",
    kind: 1,
    flags: 4,
    capacity: 256,
    owner: CLIENT_I,
    membership: 1,
    online: true,
    privileges: 63,
    subscription: "Free",
  };
  const member = { clientId: CLIENT_R, address: ADDRESS_R, nick: "bo", status: 1, role: 0 };
  add("network", { type: "network", ...push, head, members: [member] });
  add("member", { type: "member", ...push, networkId: NETWORK, change: 2, member: { ...member, status: 0 } });
  add("networkGone", { type: "networkGone", ...push, networkId: NETWORK, reason: 3 });
  const notice = { networkId: NETWORK, kind: 1, clientId: CLIENT_I, sentAt: 1_700_000_000_000n, message: "hi" };
  add("notice", { type: "notice", ...push, ...notice });
  add("synchronised", { type: "synchronised", ...push });
}

function addTunnelMessages(add: Add, { responder }: Inputs, relay: RelayOffer): void {
  const push = { requestId: 0 };
  const relays = [relay];
  add("endpoints", { type: "endpoints", requestId: 7, candidates: CANDIDATES });
  add("tunnelRequest", { type: "tunnelRequest", requestId: 7, peer: ADDRESS_R, reason: 1 });
  add("rendezvous", {
    type: "rendezvous",
    ...push,
    peerClientId: CLIENT_R,
    peerAddress: ADDRESS_R,
    localSpi: SPI_I,
    remoteSpi: SPI_R,
    suites: [2, 1],
    keys: [
      { keyType: KEY_TYPE.ed25519, publicKey: responder.ed25519.publicKey },
      { keyType: KEY_TYPE.sshRsa, publicKey: responder.rsa.publicBlob },
    ],
    commonNetworks: [NETWORK],
    candidates: CANDIDATES,
    relays,
    cause: 1,
    startInMs: 80,
  });
  add("peerEndpoints", { type: "peerEndpoints", ...push, localSpi: SPI_I, candidates: CANDIDATES });
  add("tunnelClosed", { type: "tunnelClosed", ...push, localSpi: SPI_I, reason: 2 });
  add("getTickets", { type: "getTickets", requestId: 7, localSpi: SPI_I });
  add("tickets", result(encodeResultPayload("getTickets", { relays })));
  add("punchRequest", { type: "punchRequest", requestId: 7, localSpi: SPI_I });
  add("punchStart", { type: "punchStart", ...push, localSpi: SPI_I, inMs: 80, candidates: CANDIDATES });
}

function addKeyMessages(book: ExampleBook, add: Add, { initiator, responder }: Inputs): void {
  const binding = book.made("binding", 32);
  const keys = [{ keyType: KEY_TYPE.ed25519, publicKey: responder.ed25519.publicKey }];
  add("getKeys", { type: "getKeys", requestId: 7, clientId: CLIENT_R });
  add("keys", result(encodeResultPayload("getKeys", { keys })));
  const own = initiator.ed25519;
  const proven = { keyType: KEY_TYPE.ed25519, binding };
  const addInput = addKeyProofInput({ ...proven, keyHash: own.fingerprint });
  const proof = signEd25519(own.privateKey, addInput);
  add("addKey", { type: "addKey", requestId: 7, keyType: KEY_TYPE.ed25519, publicKey: own.publicKey, proof });
  // The responder's key stands for a new one of the same client.
  const fresh = responder.ed25519;
  const input = rotateKeyProofInput({ ...proven, keyHash: fresh.fingerprint, oldKeyHash: own.fingerprint });
  add("rotateKey", {
    type: "rotateKey",
    requestId: 7,
    operation: OPERATION,
    keyType: KEY_TYPE.ed25519,
    newPublicKey: fresh.publicKey,
    proofByNew: signEd25519(fresh.privateKey, input),
    proofByOld: signEd25519(own.privateKey, input),
  });
}
