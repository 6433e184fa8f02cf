import assert from "node:assert/strict";
import { compareKeyOf, isNetworkName, isNick } from "../../src/server/names.ts";

Deno.test("isNetworkName accepts 4 to 64 bytes of UTF-8 with blanks inside", () => {
  for (const name of ["four", "Home LAN", "n".repeat(64), "ü".repeat(32), "日本語の家", "-=a=-"]) {
    assert.ok(isNetworkName(name), name);
  }
  for (const name of ["", "abc", "n".repeat(65), "ü".repeat(33)]) assert.ok(!isNetworkName(name), name);
});

Deno.test("isNetworkName refuses controls, blanks at the ends, other forms than NFC, and nothing visible", () => {
  const bad = [" abcd", "abcd ", "ab\ncd", "ab\u0000cd", "ab\u009bcd", "ab\u202ecd", "ab\u2028cd", "e\u0301cole"];
  for (const name of [...bad, "\u200b\u200b\u200b", "ab\ud800cd", "ab\ue000cd", "\u00a0abcd"]) {
    assert.ok(!isNetworkName(name), JSON.stringify(name));
  }
});

Deno.test("isNick accepts up to 128 bytes and 32 characters as a reader counts them", () => {
  for (const nick of ["a", "-=a=-", "n".repeat(32), "👩‍👩‍👧‍👦", "Zoë ❤️"]) assert.ok(isNick(nick), nick);
  for (const nick of ["", "n".repeat(33), "👩‍👩‍👧‍👦".repeat(6), " a", "a\u001b[2J"]) assert.ok(!isNick(nick), nick);
});

Deno.test("compareKeyOf is equal for names a reader takes for each other", () => {
  const lookalikes = [
    ["paypal", "раураl"],
    ["Team One", "team  one"],
    ["ROOM0", "roomO"],
    ["mail", "maıl"],
    [
      "clan1",
      "clanl",
    ],
    ["home", "ho\u200bme"],
    ["ΑΒΕΗ", "abeh"],
    ["it's", "it’s"],
    ["a-b-c", "a–b–c"],
  ] as const;
  for (const [a, b] of lookalikes) assert.equal(compareKeyOf(a), compareKeyOf(b), `${a} ${b}`);
  assert.notEqual(compareKeyOf("alice"), compareKeyOf("bob"));
});
