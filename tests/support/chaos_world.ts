/** Two members with real devices, one of them behind a line whose faults a test sets. */
import { createHash } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { LabBuri, type LabMember } from "../../src/lab/buri.ts";
import type { ChaosLink } from "../../src/lab/chaos_link.ts";
import { type Home, Internet } from "../../src/lab/internet.ts";
import { Lab } from "../../src/lab/lab.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const DIGEST = new URL("http_digest.ts", import.meta.url).pathname;
const HTTP_PORT = 8080;
const UDP_PORT = 9000;
const FETCH_TIMEOUT_MS = 40_000;

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class ChaosWorld implements AsyncDisposable {
  /** The line of the member that fetches. */
  readonly link: ChaosLink;
  readonly serving: LabMember;
  readonly fetching: LabMember;
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #homes: [serving: Home, fetching: Home];

  private constructor(
    lab: Lab,
    folder: string,
    link: ChaosLink,
    members: [LabMember, LabMember],
    homes: [Home, Home],
  ) {
    this.#lab = lab;
    this.#folder = folder;
    this.link = link;
    [this.serving, this.fetching] = members;
    this.#homes = homes;
  }

  /** Starts everything over a calm line; the two have a direct path. */
  static async make(): Promise<ChaosWorld> {
    const folder = Deno.makeTempDirSync({ prefix: "buri-chaos-" });
    Deno.chmodSync(folder, 0o755);
    const lab = new Lab();
    const internet = new Internet(lab);
    const program = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as [string, ...string[]];
    const buri = new LabBuri({ lab, folder, program });
    const server = internet.addPublicHost("server");
    const invite = await buri.server(server.host, server.addresses[0]!);
    const homes: [Home, Home] = [internet.addHome("serving", "PR"), internet.addHome("fetching", "PR")];
    const link = await internet.disturb(homes[1], {}, 3);
    const members = await Promise.all(homes.map(({ host }) => buri.up(host, invite, ["--device", "buri0"])));
    const [serving, fetching] = members as [LabMember, LabMember];
    await serving.must("create", "chaos", "");
    await fetching.must("join", "chaos", "");
    const world = new ChaosWorld(lab, folder, link, [serving, fetching], homes);
    await world.untilDirect();
    return world;
  }

  /** Waits for the direct path. */
  async untilDirect(): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      const view = JSON.parse(await this.fetching.must("peer", this.serving.address4, "--json"));
      if (view.path === "direct") return;
      await this.fetching.command("ping", this.serving.address4, "--count", "1");
    }
    throw new Error("no direct path");
  }

  /** Fetches `bytes` over HTTP through the tunnel; throws unless every byte is right. @returns the time it took, in ms */
  async fetch(bytes: number): Promise<number> {
    const file = seededRandom(bytes).bytes(bytes);
    const aborter = new AbortController();
    const options = { hostname: "0.0.0.0", port: HTTP_PORT, signal: aborter.signal, onListen: () => {} };
    const [home] = this.#homes;
    const { server } = home.host.namespace.run(() => ({ server: Deno.serve(options, () => new Response(file)) }));
    const startedAt = performance.now();
    const url = `http://${this.serving.address4}:${HTTP_PORT}/`;
    const command = [Deno.execPath(), "run", "-A", "--no-lock", DIGEST, url] as [string, ...string[]];
    const client = this.#lab.spawn(this.#homes[1].host, command);
    const timer = setTimeout(() => client.kill("SIGKILL"), FETCH_TIMEOUT_MS);
    const { code, stdout, stderr } = await client.ended;
    clearTimeout(timer);
    aborter.abort();
    await server.finished;
    if (code !== 0) throw new Error(stderr || `Cannot fetch the file within ${FETCH_TIMEOUT_MS} ms`);
    const digest = createHash("sha256").update(file).digest("hex");
    if (stdout.trim() !== `${digest} ${bytes}`) throw new Error(`Cannot believe the file: ${stdout}`);
    return performance.now() - startedAt;
  }

  /** Sends numbered UDP packets through the tunnel; what the other system gets of them. */
  async sendNumbers(count: number): Promise<{ received: number; repeated: number; damaged: number }> {
    const listen = (home: Home, hostname: string) =>
      home.host.namespace.run(() => ({
        socket: Deno.listenDatagram({ transport: "udp", hostname, port: UDP_PORT }),
      })).socket;
    const sender = listen(this.#homes[0], this.serving.address4);
    const receiver = listen(this.#homes[1], this.fetching.address4);
    const seen = new Map<number, number>();
    let damaged = 0;
    const loop = (async () => {
      for await (const [datagram] of receiver) {
        const number = new DataView(datagram.buffer).getUint32(0);
        if (datagram.subarray(4).some((byte) => byte !== (number & 255))) damaged++;
        seen.set(number, (seen.get(number) ?? 0) + 1);
      }
    })();
    for (let number = 0; number < count; number++) {
      const datagram = new Uint8Array(600).fill(number & 255);
      new DataView(datagram.buffer).setUint32(0, number);
      await sender.send(datagram, { transport: "udp", hostname: this.fetching.address4, port: UDP_PORT });
      if (number % 50 === 49) await pause(5);
    }
    await pause(500);
    sender.close();
    receiver.close();
    await loop;
    const repeated = [...seen.values()].filter((times) => times > 1).length;
    return { received: seen.size, repeated, damaged };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
