import assert from "node:assert/strict";
import { UserError } from "../../../src/base/errors.ts";
import { chooseStateDir } from "../../../src/commands/cli/state_dir.ts";
import { editDistance, suggest } from "../../../src/commands/cli/suggest.ts";
import {
  checkCidr,
  formatHostPort,
  parseCount,
  parseHostPort,
  parseLogLevel,
  parsePort,
  parseSeconds,
  parseSuite,
  parseSuites,
} from "../../../src/commands/cli/values.ts";

const isUsage = (error: unknown) => error instanceof UserError && error.exitCode === 2 && error.message.includes("--x");

Deno.test("parseHostPort and formatHostPort are inverse", () => {
  for (const text of ["0.0.0.0:12975", "vpn.example.org:1", "[2001:db8::1]:0", "[::]:65535"]) {
    const { host, port } = parseHostPort("--x", text);
    assert.equal(formatHostPort(host, port), text);
  }
  assert.deepEqual(parseHostPort("--x", "[::1]:5"), { host: "::1", port: 5 });
});

Deno.test("parseHostPort refuses what is not HOST:PORT", () => {
  const wrong = [
    "",
    ":1",
    "host",
    "host:",
    "host:x",
    "host:65536",
    "host:-1",
    "host: 1",
    "a b:1",
    "::1:5",
    "[::1]",
    "[x]:1",
    "[::1:5",
  ];
  for (const text of [...wrong, "buri://host:1/#k", "host:1/"]) {
    assert.throws(() => parseHostPort("--x", text), isUsage, text);
  }
});

Deno.test("parsePort, parseCount and parseSeconds keep to their ranges", () => {
  assert.deepEqual([parsePort("--x", "0"), parsePort("--x", "65535")], [0, 65535]);
  assert.deepEqual([parseCount("--x", "0", 5), parseCount("--x", "5", 5)], [0, 5]);
  assert.deepEqual(["1", "0.01", "3600", "0.2"].map((text) => parseSeconds("--x", text)), [1000, 10, 3_600_000, 200]);
  for (const text of ["", "65536", "-1", "1.5", "0x10", "1e3", " 1", "٣"]) {
    assert.throws(() => parsePort("--x", text), isUsage, text);
  }
  assert.throws(() => parseCount("--x", "6", 5), isUsage);
  for (const text of ["0", "0.009", "3601", ".5", "1.", "Infinity", "NaN"]) {
    assert.throws(() => parseSeconds("--x", text), isUsage, text);
  }
});

Deno.test("parseSuites and parseSuite know suites 1 and 2", () => {
  assert.deepEqual(["1", "2", "1,2", "2,1"].map((text) => parseSuites("--x", text)), [[1], [2], [1, 2], [1, 2]]);
  assert.deepEqual([parseSuite("--x", "1"), parseSuite("--x", "2")], [1, 2]);
  for (const text of ["", "0", "3", "1,1", "1,", "1 2", "01"]) {
    assert.throws(() => parseSuites("--x", text), isUsage, text);
    assert.throws(() => parseSuite("--x", text), isUsage, text);
  }
});

Deno.test("checkCidr and parseLogLevel refuse anything else", () => {
  assert.equal(checkCidr("--x", "10.77.0.0/16"), "10.77.0.0/16");
  for (const text of ["10.77.0.1/16", "10.77.0.0", "fd00::/8"]) {
    assert.throws(() => checkCidr("--x", text), isUsage, text);
  }
  assert.equal(parseLogLevel("--x", "debug"), "debug");
  assert.throws(() => parseLogLevel("--x", "loud"), isUsage);
});

Deno.test("chooseStateDir takes --state before $BURI_STATE before the user's own place", () => {
  const home = (isRoot: boolean, variables: Record<string, string>) => ({
    isRoot,
    env: (name: string) => variables[name],
  });
  const all = { BURI_STATE: "/a", XDG_STATE_HOME: "/b", HOME: "/c" };
  assert.equal(chooseStateDir("/o", home(true, all)), "/o");
  assert.equal(chooseStateDir(undefined, home(true, all)), "/a");
  assert.equal(chooseStateDir(undefined, home(true, { HOME: "/root", XDG_STATE_HOME: "/b" })), "/var/lib/buri");
  assert.equal(chooseStateDir(undefined, home(false, { HOME: "/c", XDG_STATE_HOME: "/b" })), "/b/buri");
  assert.equal(chooseStateDir(undefined, home(false, { HOME: "/c", XDG_STATE_HOME: "b" })), "/c/.local/state/buri");
  assert.equal(chooseStateDir(undefined, home(false, { HOME: "/c" })), "/c/.local/state/buri");
  for (const variables of [{}, { HOME: "" }, { BURI_STATE: "", HOME: "/c" }] as Record<string, string>[]) {
    assert.throws(
      () => chooseStateDir(undefined, home(false, variables)),
      (error) => (error as UserError).exitCode === 2,
    );
  }
});

Deno.test("editDistance counts insertions, deletions, substitutions and swaps", () => {
  const cases: [string, string, number][] = [["", "", 0], ["a", "", 1], ["lst", "list", 1], ["jion", "join", 1], [
    "kitten",
    "sitting",
    3,
  ]];
  for (const [a, b, distance] of cases) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
});

Deno.test("suggest finds the nearest word, but no word that has little in common", () => {
  const words = ["list", "login", "logout", "peer", "ping", "up"];
  assert.equal(suggest("lst", words), "list");
  assert.equal(suggest("logn", words), "login");
  assert.equal(suggest("uo", words), "up");
  for (const word of ["x", "pr", "status", "list"]) assert.equal(suggest(word, words), undefined, word);
});
