import assert from "node:assert/strict";
import { UserError } from "../../../src/base/errors.ts";
import { defineCommand } from "../../../src/commands/cli/command.ts";
import { parseInput } from "../../../src/commands/cli/parse.ts";

const COMMAND = defineCommand({
  name: "try",
  group: "Help",
  summary: "Try it",
  args: [{ name: "network", summary: "" }, { name: "password", summary: "", optional: true }],
  options: {
    state: { value: "DIR", summary: "" },
    count: { value: "N", short: "c", summary: "" },
    loud: { short: "l", summary: "" },
  },
  examples: [],
  json: "",
  output: null,
  run: () => Promise.resolve(0),
});

const parse = (...words: string[]) => {
  const { args, options } = parseInput(COMMAND, words);
  return { ...args, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== false)) };
};

const refuses = (words: string[], message: RegExp) =>
  assert.throws(
    () => parse(...words),
    (error) => error instanceof UserError && error.exitCode === 2 && message.test(error.message),
    words.join(" "),
  );

Deno.test("parseInput takes words by place and options anywhere", () => {
  const expected = { network: "office", password: "s3same", state: "/tmp/x", loud: true };
  assert.deepEqual(parse("office", "s3same", "--state", "/tmp/x", "--loud"), expected);
  assert.deepEqual(parse("--state=/tmp/x", "office", "-l", "s3same"), expected);
});

Deno.test("parseInput gives every switch a value and leaves out options that take one", () => {
  assert.deepEqual(parseInput(COMMAND, ["office"]).options, { loud: false, json: false });
});

Deno.test("parseInput takes any word for data that no option is called", () => {
  for (const word of ["-=a=-", "-", "-x", "-lc", "---", "--secret", "--=", "", " ", "-1", "__proto__", "--__proto__"]) {
    assert.equal(parse(word).network, word);
    assert.equal(parse("office", word).password, word);
  }
});

Deno.test("parseInput takes everything behind -- for data", () => {
  assert.deepEqual(parse("--", "--json", "--"), { network: "--json", password: "--" });
});

Deno.test("parseInput takes the next word as an option's value, whatever it looks like", () => {
  assert.equal(parse("office", "--state", "--loud").state, "--loud");
  assert.equal(parse("office", "-c", "-1").count, "-1");
  assert.equal(parse("office", "--state=").state, "");
  assert.equal(parse("office", "--state=a=b").state, "a=b");
});

Deno.test("parseInput refuses a misspelt option rather than take it for a password", () => {
  refuses(["office", "--jsno"], /--jsno is not an option, did you mean --json\?/);
  refuses(["office", "--stat=/tmp"], /did you mean --state\?/);
});

Deno.test("parseInput refuses missing words, words too many and misused options", () => {
  refuses([], /<network> is missing/);
  refuses(["a", "b", "c"], /"c" is one word too many/);
  refuses(["a", "b", "--colour"], /--colour is not an option/);
  refuses(["a", "b", "-x"], /-x is not an option/);
  refuses(["a", "--state"], /--state needs its DIR/);
  refuses(["a", "--state", "x", "--state", "y"], /--state is given twice/);
  refuses(["a", "--loud=yes"], /--loud takes no value/);
});
