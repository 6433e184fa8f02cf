/**
 * Runs the scripts beside this file against an engine in memory:
 *
 *     What the script shows, in one line.
 *     world: NAME                     see WORLDS
 *
 *     $ buri join office "a word"     a command line; in double quotes JSON's escapes hold
 *     Joining office .. ok            what it prints on stdout
 *     ! A hint.                       what it prints on stderr
 *     exit: 1                         its exit code, when that is not 0
 *
 * A blank line ends a step; within the output it is written as `.`. In the output `{VERSION}` is this program's.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../src/base/version.ts";
import type { Command } from "../../src/commands/cli/command.ts";
import { COMMANDS } from "../../src/commands/mod.ts";
import { CliWorld } from "../support/cli_world.ts";
import { WORLDS } from "../support/cli_worlds.ts";

interface Step {
  line: number;
  program: "buri" | "hamachi";
  words: string[];
  expected: { stdout: string[]; stderr: string[]; exit: number };
}

interface Script {
  title: string;
  world: string;
  steps: Step[];
}

const FOLDER = new URL(".", import.meta.url);

for (const { name } of Array.from(Deno.readDirSync(FOLDER)).sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!name.endsWith(".txt")) continue;
  const script = parseScript(Deno.readTextFileSync(new URL(name, FOLDER)), name);
  Deno.test(`cli/${name}: ${script.title}`, async () => await play(script, name));
}

Deno.test("cli/help.txt has each command in full", () => {
  const text = Deno.readTextFileSync(new URL("help.txt", FOLDER));
  const isThere = ({ name, aliases }: Command) =>
    [name, ...aliases].some((one) => text.includes(`\n$ buri help ${one}\n`));
  assert.deepEqual(COMMANDS.filter((command) => !command.hidden && !isThere(command)).map(({ name }) => name), []);
});

async function play(script: Script, name: string): Promise<void> {
  const makeEngine = WORLDS[script.world];
  assert.ok(makeEngine !== undefined, `${name}: there is no world called ${script.world}`);
  const engine = makeEngine();
  for (const { line, program, words, expected } of script.steps) {
    const world = new CliWorld({ program, ...(engine === undefined ? {} : { engine }) });
    const exit = await world.run(...words);
    assert.deepEqual({ stdout: world.stdout, stderr: world.stderr, exit }, expected, `${name}:${line}`);
  }
}

function parseScript(text: string, name: string): Script {
  const [title = "", setting = "", ...lines] = text.split("\n");
  const world = /^world: (\S+)$/.exec(setting)?.[1];
  assert.ok(world !== undefined, `${name}:2 names no world`);
  const steps: Step[] = [];
  let step: Step | undefined;
  for (const [at, line] of lines.entries()) {
    if (line.startsWith("$ ")) steps.push(step = beginStep(line.slice(2), at + 3, name));
    else if (line === "") step = undefined;
    else if (step === undefined) assert.fail(`${name}:${at + 3} belongs to no command`);
    else if (line.startsWith("exit: ")) step.expected.exit = Number(line.slice("exit: ".length));
    else if (line.startsWith("! ")) step.expected.stderr.push(line.slice(2));
    else step.expected.stdout.push(line === "." ? "" : line.replace("{VERSION}", VERSION));
  }
  assert.ok(steps.length > 0, `${name} runs nothing`);
  return { title, world, steps };
}

function beginStep(commandLine: string, line: number, name: string): Step {
  const words = (commandLine.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [])
    .map((word) => word.startsWith('"') ? JSON.parse(word) as string : word);
  const [program, ...rest] = words;
  assert.ok(program === "buri" || program === "hamachi", `${name}:${line} runs ${program}`);
  return { line, program, words: rest, expected: { stdout: [], stderr: [], exit: 0 } };
}
