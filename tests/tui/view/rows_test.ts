import assert from "node:assert/strict";
import { parseFilter, selectedRow, visibleRows } from "../../../src/tui/view/rows.ts";
import { EMPTY, pressed, RUNNING } from "../scenes.ts";

Deno.test("parseFilter takes blanks and + for and, commas for or, letters of either case", () => {
  const cases: [string, string, boolean][] = [
    ["", "bob", true],
    [" , ", "bob", true],
    ["BO", "bob", true],
    ["bob relay", "bob direct", false],
    ["bob+direct", "bob direct", true],
    ["carol,bob direct", "bob direct", true],
    ["carol,dave", "bob direct", false],
    ["carol,", "bob", false],
  ];
  for (const [filter, text, found] of cases) assert.equal(parseFilter(filter)(text), found, `${filter} in ${text}`);
});

Deno.test("visibleRows shows a found network whole, and of others the members found", () => {
  const names = (filter: string) =>
    visibleRows({ ...RUNNING, filter }).map(({ network, member }) => member?.nick ?? network.name);
  assert.deepEqual(names("office"), ["office", "dave"]);
  assert.deepEqual(names("10.77.0.2"), ["game night", "bob"]);
  assert.deepEqual(names("nobody"), []);
  assert.deepEqual(names("").length, 8);
});

Deno.test("visibleRows hides members of collapsed networks, unless they are looked for", () => {
  const collapsed = pressed(RUNNING, "left");
  assert.equal(visibleRows(collapsed).length, 3);
  assert.equal(visibleRows({ ...collapsed, filter: "bob" }).length, 2);
});

Deno.test("visibleRows sorts by what flows", () => {
  const [, first] = visibleRows({ ...RUNNING, sort: "traffic" });
  assert.equal(first?.member?.nick, "bob");
});

Deno.test("selectedRow falls back to the first row when the selected one is gone", () => {
  assert.equal(selectedRow({ ...RUNNING, selected: "member 1 2" })?.network.name, "game night");
  assert.equal(selectedRow(EMPTY), null);
});
