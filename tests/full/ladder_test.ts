/** Down the ladder and up again, with real engines and devices: what is sent meanwhile arrives, and how long nothing does. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { LabBuri } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import type { LabProcess } from "../../src/lab/lab_process.ts";
import type { NatKindId } from "../../src/lab/nat_kinds.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const STARTS_MS = 30_000;

/** Goals: how long nothing may arrive after a fault, and how soon the direct path is back after it. */
const RELAY_GAP_MS = 3_000;
const STREAM_GAP_MS = 5_000;
const DIRECT_AGAIN_MS = 60_000;

/** Answers datagrams, and sends back what comes by TCP with the hash of all of it at the end. */
const SERVER = `
import { createHash } from "node:crypto";
const [hostname] = Deno.args;
const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 7 });
const listener = Deno.listen({ hostname, port: 7 });
console.log("ready");
(async () => { for (;;) { const [bytes, from] = await socket.receive(); await socket.send(bytes, from); } })();
const connection = await listener.accept();
const hash = createHash("sha256");
let length = 0;
for await (const chunk of connection.readable) { hash.update(chunk); length += chunk.length; }
console.log(JSON.stringify({ length, hash: hash.digest("hex") }));
`;

/** Sends a datagram each 50 ms and a TCP stream all the time; tells of each silence over 200 ms, and of the stream. */
const CLIENT = `
import { createHash, randomFillSync } from "node:crypto";
const [hostname] = Deno.args;
const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
const to = { transport: "udp", hostname, port: 7 };
let heardAt = performance.now();
(async () => {
  for (;;) {
    await socket.receive();
    const now = performance.now();
    if (now - heardAt > 200) console.log(JSON.stringify({ gapMs: Math.round(now - heardAt) }));
    heardAt = now;
  }
})();
setInterval(() => socket.send(new Uint8Array(8), to).catch(() => {}), 50);
const connection = await Deno.connect({ hostname, port: 7 });
const hash = createHash("sha256");
let length = 0;
let isOver = false;
Deno.addSignalListener("SIGTERM", () => isOver = true);
console.log("ready");
while (!isOver) {
  const chunk = randomFillSync(new Uint8Array(4096));
  for (let at = 0; at < chunk.length;) at += await connection.write(chunk.subarray(at));
  hash.update(chunk);
  length += chunk.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await connection.closeWrite();
console.log(JSON.stringify({ length, hash: hash.digest("hex") }));
Deno.exit(0);
`;

interface Member {
  host: LabHost;
  state: string;
  address4: string;
}

interface PeerJson {
  path: string | null;
  transport: string | null;
}

/** Two members of one network, and what runs between them. */
class Ground implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #lab = this.#stack.use(new Lab());
  readonly internet = new Internet(this.#lab);
  readonly #folder = Deno.makeTempDirSync({ prefix: "buri-ladder-" });
  readonly #buri: LabBuri;
  members: Member[] = [];
  addresses: string[] = [];

  constructor() {
    // Servers give up root, and the folder is not for root alone.
    Deno.chmodSync(this.#folder, 0o755);
    const program = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as const;
    this.#buri = new LabBuri({ lab: this.#lab, program, folder: this.#folder });
  }

  static async make(...kinds: [NatKindId, NatKindId]): Promise<Ground> {
    const ground = new Ground();
    const server = ground.internet.addPublicHost("server");
    const invite = await ground.#buri.server(server.host, server.addresses[0]!);
    for (const [index, kind] of kinds.entries()) {
      const home = ground.internet.addHome(`home${index + 1}`, kind);
      ground.addresses.push(home.publicAddress);
      const proxy = home.startProxy === null ? null : ground.#stack.use(await home.startProxy());
      ground.members.push(await ground.#up(home.host, invite, proxy === null ? [] : ["--proxy", proxy.url]));
    }
    const [first, second] = ground.members as [Member, Member];
    await ground.#must(second, "create", "ladder", "");
    await ground.#must(first, "join", "ladder", "");
    return ground;
  }

  async #up(host: LabHost, invite: string, more: string[]): Promise<Member> {
    const state = `${this.#folder}/${host.name}`;
    const words = ["up", "--state", state, "--server", invite, "--device", "buri0", ...more];
    const [, address4 = ""] = await this.#buri.spawn(host, words).waitForLine(/^buri up ready (\S+) \S+$/, STARTS_MS);
    return { host, state, address4 };
  }

  async #must({ host, state }: Member, ...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#buri.spawn(host, [...words, "--state", state]).ended;
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async peer(): Promise<PeerJson> {
    const [first, second] = this.members as [Member, Member];
    return JSON.parse(await this.#must(first, "peer", second.address4, "--json"));
  }

  /** Milliseconds until the path is such. */
  async until(path: string, transport: string, timeoutMs: number): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      const peer = await this.peer();
      const ms = performance.now() - startedAt;
      if (peer.path === path && peer.transport === transport) return ms;
      assert(ms < timeoutMs, `after ${timeoutMs} ms the path is ${JSON.stringify(peer)}`);
      await pause(200);
    }
  }

  /** Begins to send; ends with the gaps, after all bytes of the stream have arrived. */
  async traffic(): Promise<{ gaps: () => number[]; end: () => Promise<void> }> {
    const [first, second] = this.members as [Member, Member];
    const run = async (member: Member, script: string) => {
      const file = Deno.makeTempFileSync({ dir: this.#folder, suffix: ".mjs" });
      Deno.writeTextFileSync(file, script);
      const process = this.#lab.spawn(member.host, [
        Deno.execPath(),
        "run",
        "-A",
        "--unstable-net",
        file,
        second.address4,
      ]);
      await process.waitForLine(/^ready$/, STARTS_MS);
      return process;
    };
    const server = await run(second, SERVER);
    const client = await run(first, CLIENT);
    const gaps = () => client.stdoutLines.flatMap((line) => line.includes("gapMs") ? [JSON.parse(line).gapMs] : []);
    const end = async () => {
      client.kill("SIGTERM");
      const [sent, received] = await Promise.all([client, server].map(lastLine));
      assert.deepEqual(received, sent);
      assert((sent as { length: number }).length > 50_000, "the stream has hardly run");
    };
    return { gaps, end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

async function lastLine(process: LabProcess): Promise<unknown> {
  const [line] = await process.waitForLine(/^\{"length".*$/, STARTS_MS);
  process.kill("SIGKILL");
  return JSON.parse(line);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const parts = ["linux", "root", "netns", "tun"] as const;

Deno.test(
  needs("UDP blocked between two homes: over the relay within 3 s, direct again within 60 s", ...parts),
  async () => {
    await using ground = await Ground.make("PR", "PR");
    await ground.until("direct", "udp", 10_000);
    const traffic = await ground.traffic();
    ground.internet.blockUdpBetween(ground.addresses[0]!, ground.addresses[1]!);
    await ground.until("relay", "udp", 10_000);
    ground.internet.unblock();
    await ground.until("direct", "udp", DIRECT_AGAIN_MS);
    await traffic.end();
    assert(Math.max(0, ...traffic.gaps()) <= RELAY_GAP_MS, `gaps of ${traffic.gaps()} ms`);
  },
);

Deno.test(needs("all UDP blocked: over TCP within 5 s, direct again within 60 s", ...parts), async () => {
  await using ground = await Ground.make("PR", "PR");
  await ground.until("direct", "udp", 10_000);
  const traffic = await ground.traffic();
  ground.internet.blockUdp();
  await ground.until("relay", "tcp", 10_000);
  await pause(5_000);
  ground.internet.unblock();
  await ground.until("direct", "udp", DIRECT_AGAIN_MS);
  await traffic.end();
  assert(Math.max(0, ...traffic.gaps()) <= STREAM_GAP_MS, `gaps of ${traffic.gaps()} ms`);
});

for (const [kind, transport] of [["UB", "tcp"], ["T4", "tls"], ["PX", "tls"]] as const) {
  Deno.test(needs(`two homes of kind ${kind} exchange a TCP stream over ${transport}`, ...parts, "nft"), async () => {
    await using ground = await Ground.make(kind, kind);
    await ground.until("relay", transport, 15_000);
    const traffic = await ground.traffic();
    await pause(3_000);
    await traffic.end();
    assert.deepEqual(await ground.peer().then(({ path, transport }) => ({ path, transport })), {
      path: "relay",
      transport,
    });
  });
}
