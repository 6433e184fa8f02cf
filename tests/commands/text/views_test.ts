import assert from "node:assert/strict";
import fc from "fast-check";
import { renderFields } from "../../../src/commands/text/fields.ts";
import {
  renderNetwork,
  renderPeer,
  renderPing,
  renderPingSummary,
  renderStatus,
  shownBytes,
} from "../../../src/commands/text/views.ts";
import { renderList } from "../../../src/commands/text/list.ts";
import type { PeerView } from "../../../src/ipc/schema.ts";
import { readField, readList } from "../../support/linux_client_reader.ts";
import { offlineMember, sampleMember, sampleNetwork, sampleStatus } from "../../support/sample_views.ts";

Deno.test("renderStatus prints the Linux client's fields and then its own", () => {
  assert.equal(
    `\n${renderStatus(sampleStatus()).join("\n")}\n`,
    `
  version     : 3.0.0
  pid         : 4711
  status      : logged in
  client id   : 090-736-821
  address     : 10.77.0.1   fd12:3456:789a::a4d:1
  nickname    : alice
  lmi account : -
  server      : 203.0.113.1:12975
  device      : buri0
`,
  );
});

Deno.test("renderStatus leaves out what an engine that never registered does not know", () => {
  const nothing = { id: null, address4: null, address6: null, nick: "", server: null, device: null };
  const lines = renderStatus(sampleStatus({ status: "offline", ...nothing }));
  assert.deepEqual(lines.map((line) => line.trim().split(" ")[0]), ["version", "pid", "status", "lmi"]);
});

Deno.test("renderStatus is read back as it was meant", () => {
  const text = renderStatus(sampleStatus({ nick: "lmi account : x" })).join("\n");
  assert.equal(readField(text, "version"), "3.0.0");
  assert.equal(readField(text, "status"), "logged in");
  assert.equal(readField(text, "client id"), "090-736-821");
  assert.match(readField(text, "address") ?? "", /^[0-9.]{7,15} +[0-9a-f:]{6,39}$/);
  assert.equal(readField(text, "lmi account"), "-");
});

Deno.test("renderPeer prints the whole nickname and the path", () => {
  const nick = "a nickname that is much longer than 25 bytes €";
  assert.equal(
    `\n${
      renderPeer({ ...sampleMember({ nick }), networks: ["office", "game night"], plainWanted: false }).join("\n")
    }\n`,
    `
  client id  : 090-123-456
  nickname   : ${nick}
  address    : 10.77.0.2   fd12:3456:789a::a4d:2
  alias      : not set
  status     : online
  connection : direct UDP 203.0.113.5:42000
  round trip : 12.3 ms
  suite      : 2
  traffic    : 1.5 KiB in, 1.0 MiB out
  networks   : office, game night
`,
  );
});

Deno.test("renderPeer prints no path of a peer without a tunnel, and no IPv6 address beside an alias", () => {
  const text = renderPeer({ ...offlineMember({ alias: "10.78.0.9" }), networks: ["office"], plainWanted: false }).join(
    "\n",
  );
  assert.deepEqual(["connection", "round trip", "suite"].map((name) => readField(text, name)), [null, null, null]);
  assert.deepEqual(["address", "alias"].map((name) => readField(text, name)), ["10.77.0.2", "10.78.0.9"]);
});

Deno.test("renderNetwork prints the Linux client's fields", () => {
  assert.equal(
    `\n${renderNetwork(sampleNetwork({ type: "hub-and-spoke", status: "locked", approve: "manual" })).join("\n")}\n`,
    `
  id           : office
  name         : office
  type         : Hub-and-spoke
  owner        : bob (090-123-456)
  status       : locked
  approve      : manual
  capacity     : 1/256
  subscription : Free
`,
  );
});

Deno.test("renderNetwork puts a name that holds another field behind all fields", () => {
  const text = renderNetwork(sampleNetwork({ name: "x status : locked", id: "approve: auto", approve: "manual" })).join(
    "\n",
  );
  assert.equal(readField(text, "status"), "unlocked");
  assert.equal(readField(text, "approve"), "manual");
  assert.equal(readField(text, "name"), "x status : locked");
});

Deno.test("renderFields is not deceived by characters that the terminal will not show", () => {
  const lines = renderFields([["name", "sta\u200btus : locked"], ["status", "unlocked"]]);
  assert.deepEqual(lines, ["  status : unlocked", "  name   : status : locked"]);
});

Deno.test("renderFields gives every field its own value to who reads the first match", () => {
  const BAIT = fc.constantFrom("status", "name", "id", " ", ":", " : ", ": ", "x", "\n", "\u001b", "\u00a0");
  const text = fc.array(BAIT, { maxLength: 8 }).map((words) => words.join(""));
  fc.assert(fc.property(text, text, (first, second) => {
    const lines = renderFields([["id", first], ["name", second], ["status", "unlocked"]]);
    assert.equal(readField(lines.join("\n"), "status"), "unlocked");
  }));
});

Deno.test("renderPing tells an answer with its path from a lost probe", () => {
  const hop = { path: "relay", transport: "tls", endpoint: "[2001:db8::1]:443" } as const;
  assert.equal(
    renderPing("bob", { sequence: 1, rttMs: 1.234, ...hop }),
    "answer from bob: seq=1 time=1.23 ms via relay TCP [2001:db8::1]:443",
  );
  const none = { path: null, transport: null, endpoint: null };
  assert.equal(renderPing("bob", { sequence: 2, rttMs: null, ...none }), "no answer from bob: seq=2");
});

Deno.test("renderPingSummary counts and averages", () => {
  assert.equal(renderPingSummary(2, []), "2 sent, 0 answered");
  assert.equal(
    renderPingSummary(4, [1, 2, 12]),
    "4 sent, 3 answered, round trip least 1.00 ms, mean 5.00 ms, most 12.0 ms",
  );
});

Deno.test("shownBytes uses the greatest unit that fits", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [5 * 1024 ** 3, "5.0 GiB"],
    [2 ** 53 - 1, "8192.0 TiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(shownBytes(bytes), text);
});

Deno.test("a tunnel without encryption, and a network that allows it, are shown as such and read back", () => {
  const peer = {
    ...sampleMember({ encrypted: false, message: "not encrypted" }),
    networks: ["lab"],
    plainWanted: false,
  };
  const encryptionOf = (view: PeerView) => readField(renderPeer(view).join("\n"), "encryption");
  assert.equal(encryptionOf(peer), "none, both ends agree");
  const named = { ...peer, encrypted: true, plainWanted: true };
  assert.equal(encryptionOf(named), "on until the peer and all owners agree to none");
  assert.equal(encryptionOf({ ...named, plainWanted: false }), null);
  const [network] = readList(renderList([sampleNetwork({ members: [peer] })]).join("\n"));
  assert.deepEqual([network!.memberList[0]!.mark, network!.memberList[0]!.message], ["*", "not encrypted"]);
  assert.equal(
    readField(renderNetwork(sampleNetwork({ plainTunnels: true })).join("\n"), "encryption"),
    "off where both ends agree",
  );
  assert.equal(readField(renderNetwork(sampleNetwork()).join("\n"), "encryption"), null);
});
