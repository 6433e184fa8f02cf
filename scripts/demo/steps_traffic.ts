/** Steps around what crosses the Internet. @module */
import { createHash } from "node:crypto";
import { Capture } from "../../src/lab/capture.ts";
import { NAT_KINDS } from "../../src/lab/nat_kinds.ts";
import { inRoot } from "../root.ts";
import { check, type Member } from "./checks.ts";
import type { Download } from "./download.ts";
import type { Stage } from "./stage.ts";
import { SECRETS } from "./steps_network.ts";

/** Stands in every kilobyte of the file. */
const FILE_MARKER = "THE-GARDEN-IS-OPEN-AT-NINE";
/** Sent once in the clear, to prove that the listener would have seen the others. */
const CONTROL_MARKER = "THIS-LINE-IS-NOT-ENCRYPTED";
const WEB_PORT = 8080;
const CONTROL_PORT = 9999;
const READY_TIMEOUT_MS = 10_000;

/** Builds the laboratory. */
export function buildInternet(stage: Stage): Promise<void> {
  const { scene, narrator } = stage;
  const internet = scene.internet!;
  const server = internet.addPublicHost("server");
  stage.server = scene.computer("server", server.host);
  stage.serverAddress = server.addresses[0]!;
  narrator.say(`The server's computer is ${stage.serverAddress}, reachable by all.`);
  stage.homes = ["alice", "bob"].map((name) => {
    const { host, publicAddress } = internet.addHome(name, "PR");
    narrator.say(`${name} is 192.168.1.2 at home, behind a router that the world sees as ${publicAddress}.`);
    return { computer: scene.computer(name, host), publicAddress };
  });
  narrator.say(`Both routers are of this kind: ${NAT_KINDS.PR.title}.`);
  return Promise.resolve();
}

/** Listens from before the first packet on. */
export async function startCapture(stage: Stage): Promise<void> {
  const texts = [FILE_MARKER, CONTROL_MARKER, ...SECRETS];
  stage.capture = await Capture.start(stage.scene.internet!.host, texts);
  stage.narrator.say("Every packet that crosses the Internet is searched for nicknames, passwords and what is sent.");
}

/** Serves a file on one member's virtual address and fetches it on the other. */
export async function transferFile(stage: Stage): Promise<void> {
  const { bytes, megabitsPerSecond } = await fetchFile(stage, stage.fileMiB);
  stage.narrator.measure("fileBytes", bytes);
  stage.narrator.measure("megabitsPerSecond", megabitsPerSecond);
}

/** Lets the first member fetch a new file of that size from the other one's web server, and compares hashes. */
export async function fetchFile(
  { scene, narrator, members }: Stage,
  mebibytes: number,
): Promise<{ bytes: number; megabitsPerSecond: number }> {
  const [one, other] = members as [Member, Member];
  const path = scene.path("file");
  const expected = await writeMarkedFile(path, mebibytes);
  const child = (name: string, ...args: string[]): [string, ...string[]] => {
    return [Deno.execPath(), "run", "-A", "--no-lock", "--cached-only", inRoot("scripts", "demo", name), ...args];
  };
  const command = child("web_server.ts", other.address4, String(WEB_PORT), path);
  const webServer = scene.start(other, command, { name: "the web server" });
  await webServer.waitForLine(/^ready$/, READY_TIMEOUT_MS);
  const url = `http://${other.address4}:${WEB_PORT}/`;
  const { code, stdout, stderr } = await scene.start(one, child("download.ts", url), { name: "the download" }).ended;
  await webServer.stop();
  check(code === 0, `the download failed: ${stderr.trim()}`);
  const { bytes, seconds, sha256 }: Download = JSON.parse(stdout);
  check(bytes === mebibytes << 20, `${bytes} bytes came instead of ${mebibytes} MiB`);
  check(sha256 === expected, "the file that came is not the one that was sent");
  const megabitsPerSecond = Math.round(bytes * 8 / 1e6 / seconds);
  const figures = `${mebibytes} MiB in ${seconds.toFixed(2)} s, ${megabitsPerSecond} Mbit/s`;
  narrator.say(`${one.name} fetches ${url}: ${figures}, SHA-256 equal`);
  return { bytes, megabitsPerSecond };
}

/** Random bytes with the marker in every kilobyte; gives its SHA-256. */
async function writeMarkedFile(path: string, mebibytes: number): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const block = new Uint8Array(1 << 20);
  for (let written = 0; written < mebibytes; written++) {
    for (let offset = 0; offset < block.length; offset += 65536) {
      crypto.getRandomValues(block.subarray(offset, offset + 65536));
    }
    for (let offset = 0; offset < block.length; offset += 1024) {
      new TextEncoder().encodeInto(FILE_MARKER, block.subarray(offset));
    }
    hash.update(block);
    for (let done = 0; done < block.length;) done += await file.write(block.subarray(done));
  }
  await Deno.chmod(path, 0o644);
  return hash.digest("hex");
}

/** Sends one line in the clear as a proof, then looks at what was seen. */
export async function endCapture(stage: Stage): Promise<void> {
  const { narrator, homes, serverAddress } = stage;
  const open = () => ({ socket: Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 }) });
  const { socket } = homes[0]!.computer.host!.namespace.run(open);
  const to = { transport: "udp" as const, hostname: serverAddress, port: CONTROL_PORT };
  await socket.send(new TextEncoder().encode(CONTROL_MARKER), to);
  socket.close();
  const { found, frameCount, lostCount, byteCount } = await stage.capture!.stop();
  stage.capture = null;
  narrator.measure("frames", frameCount);
  narrator.measure("framesLost", lostCount);
  narrator.measure("bytes", byteCount);
  narrator.say(
    `${frameCount} packets, ${(byteCount / 1e6).toFixed(1)} MB were read, ${lostCount} packets came too fast.`,
  );
  const isProofSeen = found[CONTROL_MARKER]! > 0;
  narrator.say(`A line sent in the clear as a proof: ${isProofSeen ? "seen" : "not seen"}.`);
  check(isProofSeen, "the listener missed the line that was sent in the clear");
  for (const text of [FILE_MARKER, ...SECRETS]) {
    narrator.say(`"${text}": seen ${found[text]} times.`);
    check(found[text] === 0, `"${text}" could be read on the Internet`);
  }
}
