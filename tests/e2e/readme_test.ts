/** The README's first network, word for word: two network namespaces, real processes, real devices. */
import assert from "node:assert/strict";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

/** Longer than any of the commands takes to print what is waited for. */
const HANGS_MS = 60_000;

/** The commands under a heading, up to the next one. */
function commandsUnder(heading: string): string[] {
  const section = README.split(`\n${heading}\n`)[1]?.split(/\n##+ /)[0] ?? "";
  return [...section.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = ""]) => block.trimEnd().split("\n"));
}

const FIRST = commandsUnder("### The first computer");
const SECOND = commandsUnder("### The second computer");

Deno.test("README.md makes a first network of at most eight commands", () => {
  assert.ok(FIRST.length > 0 && SECOND.length > 0 && FIRST.length + SECOND.length <= 8);
});

/** A network namespace with an address, in which commands run as on a computer of its own. */
class Computer {
  readonly #namespace: string;
  readonly #folder: string;
  readonly #running: Deno.ChildProcess[] = [];
  #invite = "";

  constructor(namespace: string, folder: string) {
    this.#namespace = namespace;
    this.#folder = folder;
  }

  set invite(invite: string) {
    this.#invite = invite;
  }

  /** Runs a line of shell; resolves to all it printed, or, when it stays in the background, to its first line. */
  async run(line: string): Promise<string> {
    const inBackground = line.endsWith(" &");
    const command = inBackground ? `exec ${line.slice(0, -2)}` : line;
    const process = new Deno.Command("ip", {
      args: ["netns", "exec", this.#namespace, "sh", "-c", command],
      cwd: this.#folder,
      env: {
        PATH: `${this.#folder}/bin:${Deno.env.get("PATH")}`,
        BURI_STATE: `${this.#folder}/${this.#namespace}`,
        INVITE: this.#invite,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      ...(inBackground ? {} : { signal: AbortSignal.timeout(HANGS_MS) }),
    }).spawn();
    if (!inBackground) {
      const { code, stdout } = await process.output();
      assert.equal(code, 0, line);
      return new TextDecoder().decode(stdout);
    }
    this.#running.push(process);
    return await firstLine(process.stdout);
  }

  /** Ends what runs in the background, the latest first. */
  async stop(): Promise<void> {
    for (const process of this.#running.reverse()) {
      process.kill("SIGTERM");
      await process.status;
    }
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args, stdout: "null", stderr: "piped" }).output();
  assert.ok(success, `ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function withTwoComputers(use: (first: Computer, second: Computer) => Promise<void>): Promise<void> {
  const [one, two] = [`readme1-${Deno.pid}`, `readme2-${Deno.pid}`];
  const folder = await Deno.makeTempDir({ prefix: "buri-readme-" });
  await Deno.mkdir(`${folder}/bin`);
  await Deno.writeTextFile(`${folder}/bin/buri`, `#!/bin/sh\nexec "${Deno.execPath()}" run -q -A "${MAIN}" "$@"\n`, {
    mode: 0o755,
  });
  const computers = [new Computer(one, folder), new Computer(two, folder)] as const;
  try {
    await ip("netns", "add", one);
    await ip("netns", "add", two);
    await ip("link", "add", "uplink", "netns", one, "type", "veth", "peer", "name", "uplink", "netns", two);
    for (const [namespace, address] of [[one, "203.0.113.5/24"], [two, "203.0.113.77/24"]] as const) {
      await ip("-n", namespace, "address", "add", address, "dev", "uplink");
      await ip("-n", namespace, "link", "set", "lo", "up");
      await ip("-n", namespace, "link", "set", "uplink", "up");
    }
    await use(...computers);
  } finally {
    for (const computer of computers) await computer.stop();
    for (const namespace of [one, two]) await ip("netns", "delete", namespace).catch(() => {});
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(
  needs("README.md's commands make a first network of two computers", "linux", "root", "netns", "tun", "ip"),
  async () => {
    await withTwoComputers(async (first, second) => {
      const outputs: string[] = [];
      for (const line of FIRST) outputs.push(await first.run(line));
      const invite = outputs.find((output) => output.startsWith("buri://"))?.trim();
      assert.ok(invite !== undefined, "no command printed an invite");
      assert.match(outputs.join(""), /^buri server ready 203\.0\.113\.5:12975$/m);
      assert.match(outputs.join(""), /^Creating game night \.\. ok$/m);

      second.invite = invite;
      const answers: string[] = [];
      for (const line of SECOND) answers.push(await second.run(line));
      assert.match(answers.join(""), /^buri up ready 10\.\S+ fd\S+$/m);
      assert.match(answers.join(""), /^Joining game night \.\. ok$/m);
      assert.match(answers.join(""), /^ \* \[game night\] {2}capacity: 2\/.*\n {5}\* \d{3}-\d{3}-\d{3} {3}alice /m);
      assert.match(answers.join(""), /^answer from alice: seq=1 .*\n(.*\n)*4 sent, 4 answered/m);
    });
  },
);
