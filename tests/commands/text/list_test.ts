import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "../../../src/base/bytes.ts";
import { safe } from "../../../src/base/safe.ts";
import { renderList } from "../../../src/commands/text/list.ts";
import { readList, type ReadMember } from "../../support/linux_client_reader.ts";
import { offlineMember, sampleMember, sampleNetwork } from "../../support/sample_views.ts";

/** The only member of a network, printed and read again. */
function readBack(member: ReturnType<typeof sampleMember>): ReadMember {
  const [network] = readList(renderList([sampleNetwork({ members: [member] })]).join("\n"));
  const [found, ...more] = network?.memberList ?? [];
  assert.ok(found !== undefined && more.length === 0);
  return found;
}

Deno.test("renderList prints networks and members in the Linux client's columns", () => {
  const networks = [
    sampleNetwork({
      id: "game night",
      name: "game night",
      capacity: 5,
      members: [
        sampleMember(),
        sampleMember({ id: "090-123-457", nick: "Åsa", address4: "10.77.1.200", path: "relay", alias: "10.78.0.9" }),
        sampleMember({ id: "090-123-458", nick: "", path: "server", transport: "tls" }),
        offlineMember({ id: "090-123-459", nick: "太郎" }),
        offlineMember({ id: "090-123-460", nick: "carol", status: "unapproved" }),
        offlineMember({ id: "090-123-461", nick: "dave", status: "unreachable" }),
        sampleMember({
          id: "090-123-462",
          nick: "erin",
          status: "error",
          message: "IP protocol mismatch between you and peer",
        }),
      ],
    }),
    sampleNetwork({
      id: "090-000-001",
      name: "Packaging",
      online: false,
      capacity: 1000,
      subnet: "192.168.155.24/24",
      subscription: "Multi-network",
      owner: { id: "090-736-821", nick: "alice", isSelf: true },
    }),
  ];
  assert.equal(
    `\n${renderList(networks).join("\n")}\n`,
    `
 * [game night]  capacity: 8/5, subscription type: Free, owner: bob (090-123-456)
     * 090-123-456   bob                         10.77.0.2        alias: not set          fd12:3456:789a::a4d:2      direct      UDP  203.0.113.5:42000
     * 090-123-457   Åsa                         10.77.1.200      alias: 10.78.0.9                                   via relay   UDP  203.0.113.5:42000
     * 090-123-458   anonymous                   10.77.0.2        alias: not set          fd12:3456:789a::a4d:2      via server  TCP  203.0.113.5:42000
       090-123-459   太郎                        10.77.0.2        alias: not set          fd12:3456:789a::a4d:2
     ? 090-123-460
     x 090-123-461   dave                        10.77.0.2        alias: not set          fd12:3456:789a::a4d:2
     ! 090-123-462   erin                        10.77.0.2        alias: not set          fd12:3456:789a::a4d:2      direct      UDP  203.0.113.5:42000      IP protocol mismatch between you and peer
   [090-000-001]Packaging  capacity: 1/999, [192.168.155.24/24]  subscription type: Multi-network, owner: This computer
`,
  );
});

Deno.test("renderList is read back as it was meant", () => {
  const text = renderList([
    sampleNetwork({
      id: "game night",
      name: "game night",
      subnet: "192.168.155.24/24",
      owner: { id: "090-736-821", nick: "alice", isSelf: true },
      members: [
        sampleMember({
          path: "relay",
          transport: "tls",
          status: "error",
          message: "This address is also used by another peer",
        }),
        offlineMember({ id: "090-123-460", status: "unapproved" }),
      ],
    }),
    sampleNetwork({ id: "090-000-001", name: "Packaging", online: false, memberCount: 4096, capacity: 9999 }),
  ]).join("\n");
  const [first, second] = readList(text);
  const [relayed, unapproved] = first?.memberList ?? [];
  assert.deepEqual({ ...first, memberList: [] }, {
    mark: "*",
    id: "game night",
    name: "game night",
    members: "3",
    capacity: "256",
    subnet: "192.168.155.24/24",
    subscription: "Free",
    owner: "This computer",
    memberList: [],
  });
  assert.deepEqual(relayed, {
    mark: "!",
    id: "090-123-456",
    nick: "bob",
    address4: "10.77.0.2",
    alias: null,
    address6: "fd12:3456:789a::a4d:2",
    connection: "via relay",
    transport: "TCP",
    endpoint: "203.0.113.5:42000",
    message: "This address is also used by another peer",
  });
  assert.deepEqual([unapproved?.mark, unapproved?.id, unapproved?.nick], ["?", "090-123-460", null]);
  assert.deepEqual(
    [second?.mark, second?.id, second?.name, second?.members, second?.capacity, second?.owner],
    [" ", "090-000-001", "Packaging", "999", "999", "bob (090-123-456)"],
  );
});

Deno.test("renderList leaves out an IPv6 endpoint and an aliased peer's IPv6 address", () => {
  const found = readBack(sampleMember({ endpoint: "[2001:db8::5]:42000", alias: "10.78.0.9" }));
  assert.deepEqual([found.nick, found.endpoint, found.alias, found.address6], ["bob", null, "10.78.0.9", null]);
});

Deno.test("renderList makes letters and blanks of a message", () => {
  assert.equal(readBack(sampleMember({ message: "code 7: 12 ms, no\u001b[31m way!" })).message, "code ms no m way");
});

Deno.test("renderList cuts a nickname at 25 bytes or just behind, never within a character", () => {
  const cases: [nick: string, listed: string][] = [
    ["a".repeat(25), "a".repeat(25)],
    ["a".repeat(26), "a".repeat(25)],
    ["€".repeat(10), "€".repeat(9)],
    ["😀".repeat(8), "😀".repeat(7)],
    [`${"a".repeat(24)} bcd`, `${"a".repeat(24)} b`],
    [`${"a".repeat(24)}é and more`, `${"a".repeat(24)}é`],
  ];
  for (const [nick, listed] of cases) {
    const found = readBack(sampleMember({ nick }));
    assert.equal(found.nick, listed);
    assert.ok(utf8(listed).length >= 25 && nick.startsWith(listed), "else nobody asks for the rest");
  }
});

/** Words that a nickname could use to pass for something else. */
const BAIT = fc.constantFrom(
  ..."10.0.0.1|alias: not set|alias: 10.0.0.9|fd00::1|direct|via relay|via server|UDP|TCP|1.2.3.4:5|[x]|?|-|*|!".split(
    "|",
  ),
  "090-123-999",
  "capacity: 1/2,",
  "owner: me",
  ".. ok",
  " ",
  "  ",
  "\u001b[2J",
  "\u202e",
  "\u200b",
  "\n",
  "€",
  "😀",
  "x",
  "123",
);
const NICKS = fc.oneof(fc.array(BAIT, { maxLength: 6 }).map((words) => words.join("")), fc.string({ unit: "binary" }));
const RELATIONS = fc.constantFrom(
  sampleMember(),
  sampleMember({ path: "relay", endpoint: null, transport: null }),
  sampleMember({ status: "error", message: "IP protocol mismatch between you and peer" }),
  sampleMember({ alias: "10.78.0.9" }),
  offlineMember(),
  offlineMember({ status: "unreachable", message: "no path" }),
);

Deno.test("renderList keeps a nickname that poses as another field what it is: a nickname", () => {
  fc.assert(fc.property(NICKS, RELATIONS, (nick, relation) => {
    const found = readBack({ ...relation, nick });
    assert.deepEqual([found.id, found.address4], [relation.id, relation.address4]);
    const plain = safe(nick).trim();
    const isWhole = found.nick === plain || (plain === "" && found.nick === "anonymous");
    assert.ok(isWhole || (plain.startsWith(found.nick ?? "?") && utf8(found.nick ?? "").length >= 25), `${found.nick}`);
    assert.deepEqual(
      [found.alias, found.connection, found.endpoint],
      [
        relation.alias,
        relation.path === null ? null : relation.path === "relay" ? "via relay" : "direct",
        relation.endpoint,
      ],
    );
  }));
});

Deno.test("renderList keeps an owner's nickname and a network's name apart from the fields around them", () => {
  fc.assert(fc.property(NICKS, NICKS, (nick, name) => {
    const owner = { id: "090-123-456", nick, isSelf: false };
    const subscription = "Free, or not";
    const lines = renderList([sampleNetwork({ id: "090-000-001", name, owner, subscription })]);
    assert.equal(lines.length, 1);
    const [network, ...more] = readList(lines.join("\n"));
    assert.equal(more.length, 0);
    assert.deepEqual([network?.members, network?.capacity, network?.subscription], ["1", "256", "Free or not"]);
    assert.ok(network?.owner.endsWith(" (090-123-456)"), network?.owner);
  }));
});

Deno.test("renderList prints no character that steers a terminal", () => {
  fc.assert(fc.property(NICKS, NICKS, (nick, name) => {
    const member = sampleMember({ nick, message: name, endpoint: nick });
    const network = sampleNetwork({ id: name, name: nick, subscription: nick, subnet: name, members: [member] });
    for (const line of renderList([network])) assert.equal(safe(line), line);
  }));
});
