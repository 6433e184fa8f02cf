import assert from "node:assert/strict";
import { type Change, decodeJournal, encodeRecord, type PendingChange, planUndo } from "../../src/device/journal.ts";

const scope = { bootId: "b1", namespaceId: 7 };
const device = { name: "buri0", index: 5 };
const address: Change = { kind: "address", device, prefix: "10.77.1.2/16" };
const route: Change = { kind: "route", device, destination: "10.99.0.0/16", gateway: "10.77.0.1", metric: 9 };
const link: Change = { kind: "link", device, before: { isUp: false, mtu: 1500 } };
const made: Change = { kind: "device", device };

function pendingOf(...changes: Change[]): PendingChange[] {
  return changes.map((change, index) => ({ id: index + 1, scope, change }));
}

function textOf(...changes: Change[]): string {
  return pendingOf(...changes).map(encodeRecord).join("");
}

Deno.test("decodeJournal gives back every kind of change, oldest first", () => {
  const content = decodeJournal(textOf(made, link, address, route));
  assert.deepEqual(content, { pending: pendingOf(made, link, address, route), damagedLineCount: 0 });
});

Deno.test("decodeJournal drops what was undone", () => {
  const { pending } = decodeJournal(textOf(made, link, address) + encodeRecord({ undone: 2 }));
  assert.deepEqual(pending.map((entry) => entry.id), [1, 3]);
});

Deno.test("decodeJournal takes a torn last line for a change that was not made", () => {
  const text = textOf(link, address);
  for (let cut = textOf(link).length; cut < text.length; cut++) {
    assert.deepEqual(decodeJournal(text.slice(0, cut)), { pending: pendingOf(link), damagedLineCount: 0 });
  }
});

Deno.test("decodeJournal counts damaged lines and keeps the rest", () => {
  const broken = [
    "",
    "null",
    "[]",
    "{}",
    "garbage",
    '{"id":-1}',
    '{"undone":"1"}',
    '{"id":9,"scope":{"bootId":"b1","namespaceId":7}}',
    '{"id":9,"scope":{"bootId":"b1"},"change":{"kind":"device","device":{"name":"x","index":1}}}',
    '{"id":9,"scope":{"bootId":"b1","namespaceId":7},"change":{"kind":"file","device":{"name":"x","index":1}}}',
    '{"id":9,"scope":{"bootId":"b1","namespaceId":7},"change":{"kind":"address","device":{"name":"x"}}}',
    '{"id":9,"scope":{"bootId":"b1","namespaceId":7},"change":{"kind":"route","device":{"name":"x","index":1}}}',
    '{"id":9,"scope":{"bootId":"b1","namespaceId":7},"change":{"kind":"link","device":{"name":"x","index":1},"before":{"mtu":"1"}}}',
  ];
  const content = decodeJournal(`${broken.join("\n")}\n${textOf(address)}`);
  assert.deepEqual(content, { pending: pendingOf(address), damagedLineCount: broken.length });
});

Deno.test("planUndo goes backwards and only where boot, namespace and device are the same", () => {
  const plan = (now = scope, index: number | null = 5) =>
    planUndo(pendingOf(link, address), now, (name) => name === "buri0" ? index : null)
      .map(({ pending, verdict }) => `${pending.id} ${verdict}`);
  assert.deepEqual(plan(), ["2 undo", "1 undo"]);
  assert.deepEqual(plan({ ...scope, bootId: "b2" }), ["2 obsolete", "1 obsolete"]);
  assert.deepEqual(plan({ ...scope, namespaceId: 8 }), ["2 obsolete", "1 obsolete"]);
  assert.deepEqual(plan(scope, 6), ["2 obsolete", "1 obsolete"]);
  assert.deepEqual(plan(scope, null), ["2 obsolete", "1 obsolete"]);
});
