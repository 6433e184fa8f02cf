/** A member that moves its uplink from NAT to NAT while it downloads from another one. */
import { createHash } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { LabBuri, type LabMember } from "../../src/lab/buri.ts";
import { type Home, Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import type { NatKindId } from "../../src/lab/nat_kinds.ts";
import type { PacedDownload } from "./paced_download.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const DOWNLOAD = new URL("paced_download.ts", import.meta.url).pathname;
const CHUNK_LENGTH = 64 << 10;
const HTTP_PORT = 8080;

/** What is moved, how often and how fast. */
export interface RoamingOrder {
  /** Length of the file. */
  bytes: number;
  /** Bytes per second that the other member serves. */
  rate: number;
  moves: number;
  pauseMs: number;
  /** The NATs that the member moves between; the first is where it begins. */
  kinds: readonly NatKindId[];
  /** Of the member that serves. */
  peerKind: NatKindId;
}

/** What came of it. */
export interface RoamingResult {
  download: PacedDownload;
  /** SHA-256 of what was served. */
  sha256: string;
  /** Longest time without a byte after each move, in ms. */
  gaps: number[];
  /** What the two members logged. */
  logs: LabMember[];
}

/** Runs it in a laboratory of its own. */
export async function roam(order: RoamingOrder): Promise<RoamingResult> {
  const folder = Deno.makeTempDirSync({ prefix: "buri-roam-" });
  Deno.chmodSync(folder, 0o755);
  await using lab = new Lab();
  try {
    return await runIn(lab, folder, order);
  } finally {
    await lab.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

async function runIn(lab: Lab, folder: string, order: RoamingOrder): Promise<RoamingResult> {
  const internet = new Internet(lab);
  const program = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as [string, ...string[]];
  const buri = new LabBuri({ lab, folder, program });
  const server = internet.addPublicHost("server");
  const invite = await buri.server(server.host, server.addresses[0]!);
  const peer = internet.addHome("peer", order.peerKind);
  const homes = order.kinds.map((kind, index) => internet.addHome(`home${index}`, kind));
  const { host } = homes[0]!;
  const [serving, moving] = [
    await buri.up(peer.host, invite, ["--device", "buri0"]),
    await buri.up(host, invite, ["--device", "buri0"]),
  ];
  await serving.must("create", "roam", "");
  await moving.must("join", "roam", "");
  await moving.must("ping", serving.address4, "--count", "3");
  const aborter = new AbortController();
  const served = serve(peer.host, order, aborter.signal);
  const url = `http://${serving.address4}:${HTTP_PORT}/`;
  const client = lab.spawn(host, [Deno.execPath(), "run", "-A", "--no-lock", DOWNLOAD, url, "100"]);
  const movedAt = await move(internet, host, homes, order);
  const { code, stdout, stderr } = await client.ended;
  aborter.abort();
  await served.finished;
  if (code !== 0) throw new Error(stderr);
  const download: PacedDownload = JSON.parse(stdout);
  const gaps = movedAt.map((at) =>
    download.gaps.filter(({ from, ms }) => from + ms > at && from < at + order.pauseMs - 100)
      .reduce((longest, { ms }) => Math.max(longest, ms), 0)
  );
  return { download, sha256: served.digest(), gaps, logs: [serving, moving] };
}

async function move(internet: Internet, host: LabHost, homes: Home[], order: RoamingOrder): Promise<number[]> {
  const movedAt: number[] = [];
  for (let count = 1; count <= order.moves; count++) {
    await new Promise((resolve) => setTimeout(resolve, order.pauseMs));
    movedAt.push(Date.now());
    internet.plug(host, homes[count % homes.length]!);
  }
  return movedAt;
}

interface Served {
  finished: Promise<void>;
  digest(): string;
}

/** Serves random bytes at a rate. */
function serve(host: LabHost, { bytes, rate }: RoamingOrder, signal: AbortSignal): Served {
  const random = seededRandom(9);
  const hash = createHash("sha256");
  let sent = 0;
  const startedAt = performance.now();
  const body = () =>
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        const waitMs = sent / rate * 1000 - (performance.now() - startedAt);
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        const chunk = random.bytes(Math.min(CHUNK_LENGTH, bytes - sent));
        hash.update(chunk);
        sent += chunk.length;
        controller.enqueue(chunk);
        if (sent === bytes) controller.close();
      },
    });
  const options = { hostname: "0.0.0.0", port: HTTP_PORT, signal, onListen: () => {} };
  const { server } = host.namespace.run(() => ({ server: Deno.serve(options, () => new Response(body())) }));
  return { finished: server.finished, digest: () => hash.digest("hex") };
}
