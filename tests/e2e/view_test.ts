/** The full-screen view in a real terminal (tmux), with a real server and real engines on loopback. */
import assert from "node:assert/strict";
import { buri, LongRun, MAIN, outputOf } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";
import { TmuxTerminal } from "../support/tmux.ts";

const BURI = `${Deno.execPath()} run --quiet -A ${MAIN}`;
const ANY_PORTS = "--listen 127.0.0.1:0 --udp 0 --udp2 0 --relay 0 --tls off".split(" ");

/** An engine without a device. */
interface Running {
  engine: LongRun;
  address4: string;
}

/** A server, and engines by nickname. */
class World implements AsyncDisposable {
  readonly dir: string;
  readonly #running: LongRun[] = [];
  #invite = "";

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async start(): Promise<World> {
    const world = new World(await Deno.makeTempDir({ prefix: "buri-view-" }));
    const server = new LongRun(["server", "--data", `${world.dir}/data`, ...ANY_PORTS]);
    world.#running.push(server);
    await server.line();
    world.#invite = (await outputOf(buri(["server", "invite", "--data", `${world.dir}/data`]))).stdout.trim();
    return world;
  }

  /** Starts an engine without a device and resolves to it and its virtual address. */
  async up(nick: string): Promise<Running> {
    const names = ["--state", `${this.dir}/${nick}`, "--nick", nick];
    const engine = new LongRun(["up", ...names, "--server", this.#invite, "--device", "none", "--log-level", "warn"]);
    this.#running.push(engine);
    const [, , , address4 = ""] = (await engine.line()).split(" ");
    return { engine, address4 };
  }

  /** Runs a command of that engine, which must succeed. */
  async command(nick: string, ...words: string[]): Promise<void> {
    const { code, stdout, stderr } = await outputOf(buri([...words, "--state", `${this.dir}/${nick}`]));
    assert.equal(code, 0, stdout + stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((process) => process.end("SIGTERM").catch(() => {})));
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** What the steps of the tour share. */
interface Scene {
  readonly world: World;
  readonly terminal: TmuxTerminal;
  /** The other member, once it runs. */
  bob: Running | null;
}

async function waits({ world, terminal }: Scene): Promise<void> {
  await terminal.type(BURI);
  await terminal.press("Enter");
  await terminal.shows(/The engine is not running/, /^ {3}buri up$/);
  const { address4 } = await world.up("alice");
  const screen = await terminal.shows(/No networks yet/);
  assert.match(
    screen[0] ?? "",
    new RegExp(`^ buri  alice  ${address4.replaceAll(".", "\\.")}  logged in .* by name$`),
  );
}

async function creates({ terminal }: Scene): Promise<void> {
  await terminal.type("c");
  await terminal.shows(/^Create a network/, /^Network:/);
  await terminal.type("gàme 夜");
  await terminal.press("Enter");
  await terminal.type("s3same");
  await terminal.press("Enter");
  const asked = await terminal.shows(/^Once more:/);
  assert.ok(!asked.join("\n").includes("s3same"));
  await terminal.type("s3same");
  await terminal.press("Enter");
  await terminal.shows(/^Created gàme 夜/, /^>-\* gàme 夜 {2}1\/\d+ {2}own/);
}

async function comesOnline(scene: Scene): Promise<void> {
  const { world, terminal } = scene;
  scene.bob = await world.up("bob");
  const { address4 } = scene.bob;
  await world.command("bob", "join", "gàme 夜", "s3same");
  const direct = new RegExp(`^ {5}\\* bob +${address4.replaceAll(".", "\\.")} +direct +UDP +[\\d.]+ ms$`);
  await terminal.shows(direct, /gàme 夜 {2}2\//);
}

async function joins({ world, terminal }: Scene): Promise<void> {
  await world.command("bob", "create", "attic", "0pen");
  for (
    const [password, answer] of [["wrong", /^Cannot join: invalid password/], ["0pen", /^Joined attic/]] as const
  ) {
    await terminal.type("n");
    await terminal.shows(/^Network:/);
    await terminal.type("attic");
    await terminal.press("Enter");
    await terminal.type(password);
    await terminal.press("Enter");
    await terminal.shows(answer);
  }
  await terminal.shows(/^[ >]-\* attic {2}2\/\d+$/);
}

async function finds(scene: Scene): Promise<void> {
  const { terminal } = scene;
  await terminal.type("/bob");
  await terminal.shows(/^find: bob$/);
  await terminal.press("Enter", "Down");
  await terminal.type("p");
  await terminal.shows(/ms direct, [1-9]\d* of [1-9]\d* from bob$/);
  await terminal.type("pi");
  await terminal.shows(
    /^connection direct UDP$/,
    /^networks +attic, gàme 夜$/,
    new RegExp(`^address +${scene.bob?.address4}$`),
  );
  await terminal.press("Escape", "Escape");
  await terminal.type("/zzz");
  await terminal.shows(/Nothing found/);
  await terminal.press("Escape");
  await terminal.shows(/^[ >]-\* attic/);
}

async function resizes({ terminal }: Scene): Promise<void> {
  await terminal.resize(40, 10);
  const screen = await terminal.shows(/^ buri {2}alice .* logged in$/, /^ {5}\* bob +direct$/);
  assert.equal(screen.filter((line) => line !== "").length, 6, screen.join("\n"));
  assert.ok(screen.every((line) => [...line].length <= 40));
  await terminal.resize(130, 20);
  await terminal.shows(/│ connection direct UDP$/, /^> {4}\* bob .*│/);
}

async function suspends({ terminal }: Scene): Promise<void> {
  await terminal.press("C-z");
  await terminal.shows(/Stopped/, /^ready\$/);
  assert.equal(await terminal.ask("#{alternate_on}"), "0");
  await terminal.type("fg");
  await terminal.press("Enter");
  await terminal.shows(/│ connection direct UDP$/);
  assert.equal(await terminal.ask("#{alternate_on} #{cursor_flag}"), "1 0");
}

async function goesOffline(scene: Scene): Promise<void> {
  const { terminal } = scene;
  await scene.bob?.engine.end("SIGTERM");
  await terminal.shows(/^ {7}bob +10\..* offline +│/);
}

async function quits({ terminal }: Scene): Promise<void> {
  await terminal.type("q");
  await terminal.shows(/^ready\$/);
  await terminal.type("echo code $?; stty -a | grep -oE -- '-?(icanon|echo)\\b' | tr '\\n' ,");
  await terminal.press("Enter");
  await terminal.shows(/^code 0$/, /^icanon,echo,/);
  assert.equal(await terminal.ask("#{alternate_on} #{cursor_flag}"), "0 1");
}

const TOUR: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  ["it waits for an engine, and connects by itself", waits],
  ["a network is created by keys, its password unseen", creates],
  ["a member comes online and goes direct", comesOnline],
  ["a network is joined by keys, after a wrong password", joins],
  ["it finds, pings and shows details", finds],
  ["it follows the terminal's size, down to 40 by 10", resizes],
  ["it stops by Ctrl-Z and comes back", suspends],
  ["a member goes offline", goesOffline],
  ["q gives the terminal back", quits],
];

Deno.test(
  needs("buri shows networks and members live, acts by keys and leaves the terminal as it was", "tmux", "bash"),
  async (t) => {
    await using world = await World.start();
    await using terminal = await TmuxTerminal.start({
      command: ["bash", "--norc", "--noprofile", "-i"],
      columns: 90,
      rows: 16,
      env: { PS1: "ready$ ", BURI_STATE: `${world.dir}/alice` },
    });
    const scene: Scene = { world, terminal, bob: null };
    for (const [sentence, step] of TOUR) {
      if (!await t.step(sentence, () => step(scene))) return; // the next one begins where this one was to end
    }
  },
);

Deno.test(
  needs("commands ask at a terminal for what they lack, and in a pipe for nothing", "tmux", "bash"),
  async () => {
    await using world = await World.start();
    await world.up("alice");
    await using terminal = await TmuxTerminal.start({
      command: ["bash", "--norc", "--noprofile", "-i"],
      rows: 20,
      env: { PS1: "ready$ ", BURI_STATE: `${world.dir}/alice` },
    });
    await terminal.type(`${BURI} create`);
    await terminal.press("Enter");
    await terminal.shows(/^Network:/);
    await terminal.type("attic");
    await terminal.press("Enter");
    for (const _ of ["once", "twice"]) {
      await terminal.type("s3same");
      await terminal.press("Enter");
    }
    const created = await terminal.shows(/^Creating attic \.\. ok$/);
    assert.ok(created.includes("Network: attic") && created.includes("Password, Enter for none:"));
    assert.ok(!created.join("\n").includes("s3same"));

    await terminal.type(`clear; ${BURI} delete attic`);
    await terminal.press("Enter");
    await terminal.shows(/^Delete "attic" for all its members\? \[y\/N\]/);
    await terminal.press("C-c");
    await terminal.type("clear; echo code $?");
    await terminal.press("Enter");
    await terminal.type(`echo n3w | ${BURI} set-pass attic - | cat; ${BURI} join | cat; ${BURI} | head -1`);
    await terminal.press("Enter");
    await terminal.shows(
      /^Setting password of attic \.\. ok$/,
      /^Cannot run join: <network> is missing$/,
      /^ {2}version +: /,
    );
  },
);
