import { deepEqual, equal, throws } from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  CONTROL,
  decodeControl,
  decodeResultPayload,
  encodeControl,
  encodeResultPayload,
  MAX_COUNT,
  MAX_FRAME_SIZE,
  RESULT_CODE,
  RESULT_WORDS,
  resultWords,
} from "../../src/protocol/mod.ts";
import { fill } from "./sample.ts";

Deno.test("CONTROL keeps its type numbers: a change here breaks every other implementation", () => {
  const numbers = Object.fromEntries(Object.entries(CONTROL).map(([name, { number }]) => [name, number.toString(16)]));
  deepEqual(numbers, {
    result: "20",
    welcome: "21",
    ping: "22",
    pong: "23",
    goodbye: "24",
    addKey: "25",
    setNick: "26",
    rotateKey: "27",
    streams: "28",
    create: "30",
    join: "31",
    leave: "32",
    delete: "33",
    setOnline: "34",
    setPassword: "35",
    setAccess: "36",
    evict: "37",
    approve: "38",
    reject: "39",
    ban: "3a",
    unban: "3b",
    setAdmin: "3c",
    handOver: "3d",
    setMessage: "3e",
    announce: "3f",
    network: "40",
    member: "41",
    networkGone: "42",
    networkChanged: "43",
    notice: "44",
    synchronised: "45",
    sealing: "46",
    setHub: "47",
    getBans: "48",
    setPlain: "4c",
    endpoints: "50",
    tunnelRequest: "51",
    rendezvous: "52",
    peerEndpoints: "53",
    tunnelClosed: "54",
    getKeys: "55",
    getTickets: "56",
    punchRequest: "57",
    punchStart: "58",
    messageSend: "60",
    message: "61",
    messageAck: "62",
    createInvite: "63",
    joinInvited: "64",
    getInvites: "65",
    revokeInvite: "66",
    putMessageKey: "68",
    getMessageKey: "69",
  });
});

Deno.test("decodeControl gives unknown types their request id, so that they can be answered", () => {
  deepEqual(decodeControl(fromHex("7f00000009ffff"), "client"), { type: "unknown", number: 0x7f, requestId: 9 });
  throws(() => decodeControl(fromHex("7f000000"), "client"), ProtocolError);
});

Deno.test("decodeControl takes a message from the wrong side for an unknown one", () => {
  const closed = encodeControl({ type: "tunnelClosed", requestId: 0, localSpi: 256, reason: 1 });
  equal(decodeControl(closed, "server").type, "tunnelClosed");
  equal(decodeControl(closed, "client").type, "unknown");
  const leave = encodeControl({ type: "leave", requestId: 1, operation: 1n, networkId: 1 });
  equal(decodeControl(leave, "client").type, "leave");
  equal(decodeControl(leave, "server").type, "unknown");
});

Deno.test("decodeControl ignores fields that a later version added", () => {
  const leave = toHex(encodeControl({ type: "leave", requestId: 1, operation: 1n, networkId: 7 }));
  deepEqual(decodeControl(fromHex(leave + "deadbeef"), "client"), {
    type: "leave",
    requestId: 1,
    operation: 1n,
    networkId: 7,
  });
});

Deno.test("The largest network fits into one frame", () => {
  const text = (length: number) => "x".repeat(length);
  const head = {
    networkId: 1,
    name: text(64),
    kind: 1,
    flags: 0,
    capacity: MAX_COUNT.members,
    owner: 1,
    membership: 1,
    online: true,
    privileges: 0,
    subscription: text(64),
  };
  const one = { clientId: 1, address: 1, nick: text(128), status: 1, role: 0 };
  const members = Array.from({ length: MAX_COUNT.members }, () => one);
  const plaintext = encodeControl({ type: "network", requestId: 0, head, members });
  equal(plaintext.length + 64 < MAX_FRAME_SIZE.afterAuthentication, true);
  throws(() => encodeControl({ type: "network", requestId: 0, head, members: [...members, one] }), RangeError);
});

Deno.test("SET PASSWORD may end with what seals the network, and may leave it out", () => {
  const message = { type: "setPassword", requestId: 1, operation: 2n, networkId: 9, hasPassword: true } as const;
  const plaintext = encodeControl({ ...message, joinSecret: fill(32, 1), sealing: fill(2, 9) });
  equal(toHex(plaintext.subarray(-4)), "00020909");
  deepEqual(decodeControl(plaintext, "client"), { ...message, joinSecret: fill(32, 1), sealing: fill(2, 9) });
  const without = { ...message, joinSecret: fill(32, 1), sealing: fill(0, 0) };
  deepEqual(decodeControl(plaintext.subarray(0, -4), "client"), without);
  throws(() => decodeControl(plaintext.subarray(0, -1), "client"), ProtocolError);
});

Deno.test("The longest list of bans fits into one frame", () => {
  const one = { clientId: 1, nick: "x".repeat(128), until: 1n, reason: "x".repeat(96) };
  const payload = encodeResultPayload("getBans", { bans: Array.from({ length: MAX_COUNT.bans }, () => one) });
  equal(payload.length + 1024 + 64 < MAX_FRAME_SIZE.afterAuthentication, true);
});

Deno.test("decodeControl refuses more candidates than 32 before it reads them", () => {
  throws(() => decodeControl(fromHex("50" + "00000001" + "0021"), "client"), /33 items in a list/);
});

Deno.test("Payloads of RESULT round-trip and ignore what follows", () => {
  equal(toHex(encodeResultPayload("create", { networkId: 9 })), "00000009");
  deepEqual(decodeResultPayload("create", fromHex("00000009" + "ff")), { networkId: 9 });
  deepEqual(decodeResultPayload("join", encodeResultPayload("join", { networkId: 9, membership: 2 })), {
    networkId: 9,
    membership: 2,
  });
  deepEqual(decodeResultPayload("joinInvited", fromHex("0000000901")), { networkId: 9, membership: 1 });
  const keys = [{ keyType: 2, publicKey: fill(32, 1) }];
  deepEqual(decodeResultPayload("getKeys", encodeResultPayload("getKeys", { keys })), { keys });
  deepEqual(decodeResultPayload("getTickets", fromHex("0000")), { relays: [] });
  const bans = [{ clientId: 5, nick: "bo", until: 7n, reason: "spam" }];
  deepEqual(decodeResultPayload("getBans", encodeResultPayload("getBans", { bans })), { bans });
  throws(() => decodeResultPayload("join", fromHex("00000009")), ProtocolError);
});

Deno.test("RESULT_WORDS has the words of every code, and resultWords some for a code to come", () => {
  deepEqual(Object.values(RESULT_CODE), RESULT_WORDS.map((_, code) => code));
  equal(resultWords(RESULT_CODE.invalidPassword), "invalid password");
  equal(resultWords(RESULT_CODE.nameTaken), "network name is already taken");
  equal(resultWords(999), "internal error");
});
