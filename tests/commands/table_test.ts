import assert from "node:assert/strict";
import { banner } from "../../src/commands/cli/help.ts";
import { COMMANDS } from "../../src/commands/mod.ts";

Deno.test("COMMANDS has all names and aliases once", () => {
  const names = COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.deepEqual(names, [...new Set(names)]);
});

Deno.test("COMMANDS has the Linux client's other names", () => {
  const aliases = Object.fromEntries(COMMANDS.flatMap(({ name, aliases }) => aliases.map((alias) => [alias, name])));
  assert.deepEqual(aliases, { logon: "login", logoff: "logout", "do-join": "join", owner: "hand-over" });
});

Deno.test("banner names a version that programs made for the Linux client deem new enough", () => {
  const banners = (["buri", "hamachi"] as const).map(banner);
  for (const line of banners) assert.ok(Number(/, ver (\d+)\.\d+\.\d+$/.exec(line)?.[1]) >= 3, line);
  assert.match(banners[1] ?? "", /Hamachi, a zero-config virtual private networking utility, ver /);
});

for (const command of COMMANDS) {
  Deno.test(`${command.name} is declared in full`, () => {
    assert.match(command.summary, /^[A-Z].*[^.]$/, "one sentence without its period");
    assert.ok(command.examples.length > 0 && command.examples.every(({ does }) => does !== ""));
    for (const { line } of command.examples) {
      assert.ok(line === "" || line.startsWith(command.name) || line === "-h", line);
    }
    assert.ok("json" in command.options && command.json !== "");
    const firstOptional = command.args.findIndex(({ optional }) => optional);
    const rest = firstOptional < 0 ? [] : command.args.slice(firstOptional);
    assert.ok(rest.every(({ optional }) => optional), "only the last arguments may be optional");
    const letters = Object.values(command.options).flatMap(({ short }) => short ?? []);
    assert.deepEqual(letters, [...new Set(letters)]);
    assert.ok(!letters.includes("h"), "-h is help");
  });
}
