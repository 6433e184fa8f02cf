import assert from "node:assert/strict";
import { readLine } from "../../src/commands/cli/read_line.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { CliWorld, type WorldOptions } from "../support/cli_world.ts";
import { WORLDS } from "../support/cli_worlds.ts";

async function run(words: string[], options: Omit<WorldOptions, "engine">, worldName = "joinable") {
  const engine = WORLDS[worldName]?.();
  assert.ok(engine !== undefined);
  const world = new CliWorld({ engine, ...options });
  const exit = await world.run(...words);
  return { exit, stdout: world.stdout, stderr: world.stderr, asked: world.questions.flat().map(({ label }) => label) };
}

Deno.test("a command at a terminal asks for what it lacks", async () => {
  assert.deepEqual(await run(["join"], { answers: [["office", "s3same"]] }), {
    exit: 0,
    stdout: ["Joining office .. ok"],
    stderr: [],
    asked: ["Network", "Password, Enter for none"],
  });
  const named = await run(["join", "office"], { answers: [["s3same"]] });
  assert.deepEqual([named.stdout, named.asked], [["Joining office .. ok"], ["Password, Enter for none"]]);
  const ping = await run(["ping", "-c", "1"], { answers: [["bob"]] }, "peers");
  assert.deepEqual([ping.exit, ping.asked], [0, ["Peer"]]);
});

Deno.test("a command asks for nothing that was given, and for no password with an empty one or an invite", async () => {
  for (const words of [["join", "playground", ""], ["join", "office", "s3same"], ["join", "buri://x"], ["list"]]) {
    const { asked } = await run(words, { answers: [] });
    assert.deepEqual(asked, [], words.join(" "));
  }
});

Deno.test("a command asks nothing in a pipe, nor with --json", async () => {
  for (const options of [{}, { answers: [["office"]] }]) {
    const words = "answers" in options ? ["join", "--json"] : ["join"];
    const { exit, asked, stderr } = await run(words, options);
    assert.deepEqual([exit, asked, stderr[0]], [2, [], "Cannot run join: <network> is missing"]);
  }
  const { stdout } = await run(["join", "playground"], {});
  assert.deepEqual(stdout, ["Joining playground .. ok"], "a left-out password is none, as ever");
});

Deno.test("a command whose question is not answered ends with 130 and does nothing", async () => {
  const { exit, stdout } = await run(["join"], { answers: [null] });
  assert.deepEqual([exit, stdout], [130, []]);
});

Deno.test("a new password is asked for twice, and an empty one is none for set-pass", async () => {
  const questions = async (words: string[]) => {
    const world = new CliWorld({ engine: "forbidden", answers: [null] });
    await world.run(...words);
    return world.questions.flat();
  };
  const [create] = await questions(["create", "shed"]);
  const [setPass] = await questions(["set-pass", "shed"]);
  assert.deepEqual(create, {
    kind: "secret",
    label: "Password, Enter for none",
    twice: true,
    isRequired: false,
  });
  assert.deepEqual(setPass, { kind: "secret", label: "Password", twice: true, isRequired: true });
});

Deno.test("a password - is the next line of stdin, and a missing line is a mistake", async () => {
  const { stdout } = await run(["join", "office", "-"], { stdin: ["s3same"] });
  assert.deepEqual(stdout, ["Joining office .. ok"]);
  const json = await run(["join", "office", "-", "--json"], { stdin: ["s3same"], answers: [] });
  assert.deepEqual([json.stdout, json.asked], [['{"ok":true,"pending":false}'], []]);
  const empty = await run(["create", "shed", "-"], { stdin: [] });
  assert.deepEqual([empty.exit, empty.stdout], [2, []], "an empty stdin must not make a network without a password");
  const asked = await run(["join", "office", "-"], { answers: [["s3same"]] });
  assert.deepEqual([asked.stdout, asked.asked], [["Joining office .. ok"], ["Password, Enter for none"]]);
});

Deno.test("delete asks at a terminal, unless it is told not to", async () => {
  const network = "game night";
  const refused = await run(["delete", network], { answers: [null] }, "peers");
  assert.deepEqual([refused.exit, refused.stdout], [130, []]);
  assert.deepEqual(refused.asked, ['Delete "game night" for all its members']);
  for (const options of [{ answers: [["yes"]] }, {}]) {
    assert.deepEqual((await run(["delete", network], options, "peers")).stdout, ["Deleting game night .. ok"]);
  }
  const sure = await run(["delete", network, "-y"], { answers: [] }, "peers");
  assert.deepEqual([sure.stdout, sure.asked], [["Deleting game night .. ok"], []]);
});

function source(text: string): { read(buffer: Uint8Array): Promise<number | null>; left(): number } {
  const bytes = utf8(text);
  let at = 0;
  return {
    read: (buffer) => {
      if (at === bytes.length) return Promise.resolve(null);
      buffer[0] = bytes[at++] as number;
      return Promise.resolve(1);
    },
    left: () => bytes.length - at,
  };
}

Deno.test("readLine takes one line and leaves the rest to others", async () => {
  const input = source("pässword\r\nnext");
  assert.equal(await readLine(input), "pässword");
  assert.equal(input.left(), 4);
  assert.equal(await readLine(input), "next");
  assert.equal(await readLine(input), null);
  assert.equal(await readLine(source("\n")), "");
  await assert.rejects(readLine(source("x".repeat(2000))), { name: "UserError", message: /too long/ });
});
