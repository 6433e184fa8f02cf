import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { formatIpv4, formatIpv6, parseEndpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type DataPlane, type DataPlaneCounters, startDataPlane } from "../../src/dataplane/mod.ts";
import { openTunnelDevice, type TunnelDevice } from "../../src/device/mod.ts";
import { EchoSocket } from "../../src/ffi/icmp_linux.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { A, B, keyPair, POOL, SPI_A, SPI_B } from "../support/core_world.ts";
import { needs } from "../support/needs.ts";
import { PREFIX6 } from "../support/packets.ts";
import "../support/load_native.ts";

const LINK = "veth0";
const PORT = 7000;
const HTTP_PORT = 8080;
const KEEPALIVE = 3;
const CHAT = 0x0b;
const DIGEST = new URL("../support/http_digest.ts", import.meta.url).pathname;

/** One computer with a real tunnel device. */
interface Computer {
  host: LabHost;
  plane: DataPlane;
  device: TunnelDevice;
}

/** Two computers, a cable and a tunnel between them. */
class Net implements AsyncDisposable {
  readonly lab = new Lab();
  readonly hosts = [this.lab.addHost("a"), this.lab.addHost("b")] as const;
  readonly computers: Computer[] = [];

  /** `version` is that of the packets on the cable; without `hasOffload` it carries only single datagrams. */
  static async create(version: 4 | 6 = 4, hasOffload = true): Promise<Net> {
    const net = new Net();
    const [a, b] = net.hosts;
    net.lab.connect(a, LINK, b, LINK);
    const underlay = version === 4 ? ["192.0.2.1", "192.0.2.2"] : ["2001:db8::1", "2001:db8::2"];
    const keys = keyPair(0);
    for (const [index, host] of net.hosts.entries()) {
      const link = host.netlink.findLink(LINK)!.index;
      host.netlink.addAddress(link, `${underlay[index]}/${version === 4 ? 24 : 64}`);
      // Trains longer than this are cut before they enter the cable.
      if (!hasOffload) host.netlink.changeLink(link, { gsoMaxSize: 1500 });
      const peer = underlay[1 - index]!;
      const endpoint = parseEndpoint(version === 4 ? `${peer}:${PORT}` : `[${peer}]:${PORT}`)!;
      const [own, other, localSpi, remoteSpi] = index === 0 ? [A, B, SPI_A, SPI_B] : [B, A, SPI_B, SPI_A];
      const { device, starting } = host.namespace.run(() => {
        const device = openTunnelDevice("buri0");
        return { device, starting: { plane: startDataPlane({ device, port: PORT }) } };
      });
      const plane = await starting.plane;
      net.computers.push({ host, plane, device });
      const tun = host.netlink.findLink(device.name)!.index;
      host.netlink.changeLink(tun, { mtu: 1400, gsoMaxSize: 61_000, txQueueLength: 1000, isUp: true });
      host.netlink.addAddress(tun, `${formatIpv4(own)}/16`);
      host.netlink.addAddress(tun, `${address6(own)}/96`);
      plane.setOverlay({ virtualAddress: own, pool: POOL, prefix6: PREFIX6 });
      plane.addTunnel({ localSpi, remoteSpi, suite: 2, virtualAddress: other, peerAcceptsPartialChecksum: true });
      plane.installKeys(localSpi, index === 0 ? keys.a : keys.b, "both");
      plane.setPath(localSpi, endpoint);
      plane.route(other, localSpi);
    }
    return net;
  }

  async counters(): Promise<[a: DataPlaneCounters, b: DataPlaneCounters]> {
    const [a, b] = await Promise.all(this.computers.map(({ plane }) => plane.counters()));
    return [a!, b!];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { plane, device } of this.computers) {
      await plane.stop();
      device.close();
    }
    await this.lab.close();
  }
}

function address6(virtualAddress: number): string {
  const address = new Uint8Array(16);
  address.set(PREFIX6);
  new DataView(address.buffer).setUint32(12, virtualAddress);
  return formatIpv6(address);
}

/** Serves `file` on every address of a host until the signal. */
function serve(host: LabHost, file: Uint8Array<ArrayBuffer>, signal: AbortSignal): Deno.HttpServer {
  const options = { hostname: "::", port: HTTP_PORT, signal, onListen: () => {} };
  return host.namespace.run(() => ({ server: Deno.serve(options, () => new Response(file)) })).server;
}

/** Fetches from B on A and compares with `file`. */
async function fetchFile(net: Net, host: string, file: Uint8Array): Promise<void> {
  const url = `http://${host}:${HTTP_PORT}/`;
  const { code, stdout, stderr } = await net.lab.spawn(net.hosts[0], [
    Deno.execPath(),
    "run",
    "-A",
    "--no-lock",
    DIGEST,
    url,
  ]).ended;
  assert.equal(code, 0, stderr);
  const digest = createHash("sha256").update(file).digest("hex");
  assert.equal(stdout.trim(), `${digest} ${file.length}`);
}

function file(length: number): Uint8Array<ArrayBuffer> {
  const block = seededRandom(51).bytes(65_521);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += block.length) bytes.set(block.subarray(0, length - at), at);
  return bytes;
}

function test(sentence: string, run: () => Promise<void>): void {
  Deno.test({ ...needs(sentence, "linux", "root", "netns", "tun"), fn: run });
}

test("the data plane carries a file byte for byte over a real device, in trains, and without making garbage", async () => {
  await using net = await Net.create();
  const aborter = new AbortController();
  const bytes = file(48 << 20);
  const server = serve(net.hosts[1], bytes, aborter.signal);
  // The first round compiles the code and brings TCP up to speed.
  await fetchFile(net, formatIpv4(B), bytes);
  const before = await net.counters();
  await fetchFile(net, formatIpv4(B), bytes);
  await fetchFile(net, `[${address6(B)}]`, bytes);
  const after = await net.counters();
  aborter.abort();
  await server.finished;

  const [a, b] = after.map((counters, index) => difference(before[index]!, counters));
  assert.ok(b!.datagramsSent > 70_000, `${b!.datagramsSent} datagrams`);
  assert.ok(b!.datagramsSent / b!.sends >= 30, `${b!.datagramsSent} datagrams in ${b!.sends} sends`);
  assert.ok(a!.packetsWritten / a!.deviceWrites >= 20, `${a!.packetsWritten} packets in ${a!.deviceWrites} writes`);
  for (const { heapBytes } of [a!, b!]) assert.ok(heapBytes < 1 << 20, `${heapBytes} bytes of garbage`);
  for (const { drops } of after) assert.deepEqual(relevant(drops), {});
});

test("the data plane carries a file byte for byte over IPv6 and a cable that takes only single datagrams", async () => {
  await using net = await Net.create(6, false);
  const aborter = new AbortController();
  const bytes = file(16 << 20);
  const server = serve(net.hosts[1], bytes, aborter.signal);
  await fetchFile(net, formatIpv4(B), bytes);
  await fetchFile(net, `[${address6(B)}]`, bytes);
  const [a] = await net.counters();
  aborter.abort();
  await server.finished;
  assert.ok(a.datagramsReceived / a.receives < 2, `${a.datagramsReceived} datagrams in ${a.receives} receives`);
  // Joined all the same, as far as they wait together.
  assert.ok(a.packetsWritten / a.deviceWrites > 2, `${a.packetsWritten} packets in ${a.deviceWrites} writes`);
});

test("the data plane changes keys in the middle of a transfer without losing a datagram", async () => {
  await using net = await Net.create();
  const aborter = new AbortController();
  const bytes = file(32 << 20);
  const server = serve(net.hosts[1], bytes, aborter.signal);
  let isTransferring = true;
  const transfer = fetchFile(net, formatIpv4(B), bytes).finally(() => isTransferring = false);
  let epoch = 0;
  while (isTransferring) await changeKeys(net, ++epoch & 255);
  await transfer;
  const counters = await net.counters();
  aborter.abort();
  await server.finished;
  assert.ok(epoch >= 20, `${epoch} changes`);
  for (const { drops } of counters) assert.deepEqual(relevant(drops), {});
});

/** The order of docs/PROTOCOL.md, section 8.3, with A as the initiator. */
async function changeKeys(net: Net, epoch: number): Promise<void> {
  const [a, b] = net.computers.map(({ plane }) => plane);
  const keys = keyPair(epoch);
  const confirmed = new Promise<void>((resolve) =>
    a!.onEvent((event) => event.on === "keysConfirmed" && event.epoch === epoch && resolve())
  );
  a!.installKeys(SPI_A, keys.a, "open");
  // The peer begins only once the initiator can open, which the initiator's last message tells it.
  await a!.counters();
  b!.installKeys(SPI_B, keys.b, "both");
  b!.sendFrame(SPI_B, null, KEEPALIVE, new Uint8Array());
  await confirmed;
  a!.useKeys(SPI_A, epoch);
  // Exchanges are 5 s apart; here, B must have seen the new keys in use before it forgets those before the former.
  const seen = new Promise<void>((resolve) =>
    b!.onEvent((event) => event.on === "frame" && event.epoch === epoch && resolve())
  );
  a!.sendFrame(SPI_A, null, CHAT, new Uint8Array());
  await seen;
}

test("the data plane joins UDP packets for the kernel, which takes them apart again", async () => {
  await using net = await Net.create();
  const [a, b] = net.hosts;
  const listen = (host: LabHost, hostname: string) =>
    host.namespace.run(() => ({ socket: Deno.listenDatagram({ transport: "udp", hostname, port: 9000 }) })).socket;
  const sender = listen(a, formatIpv4(A));
  const receiver = listen(b, formatIpv4(B));
  const to: Deno.NetAddr = { transport: "udp", hostname: formatIpv4(B), port: 9000 };
  const received: number[] = [];
  for (let round = 0; round < 20; round++) {
    const sends = Array.from({ length: 30 }, (_, index) => {
      return sender.send(new Uint8Array(1000).fill(round * 10 + index % 7), to);
    });
    await Promise.all(sends);
    for (let count = 0; count < 30; count++) {
      const [datagram] = await receiver.receive();
      assert.equal(datagram.length, 1000);
      assert.ok(datagram.every((byte) => byte === datagram[0]));
      received.push(datagram[0]!);
    }
  }
  const sent = Array.from({ length: 600 }, (_, index) => Math.floor(index / 30) * 10 + index % 30 % 7);
  const inOrder = (values: number[]) => values.toSorted((one, other) => one - other);
  assert.deepEqual(inOrder(received), inOrder(sent), "each once; Deno sends them in any order");
  const [, counters] = await net.counters();
  assert.ok(counters.deviceWrites < counters.packetsWritten, `${counters.deviceWrites} writes`);
  assert.equal(counters.drops.deviceRefused, 0);
  for (const socket of [sender, receiver]) socket.close();
});

test("the data plane carries pings one by one", async () => {
  await using net = await Net.create();
  const [a] = net.hosts;
  using socket = a.namespace.run(() => new EchoSocket(formatIpv4(B), 7));
  const rtts = Array.from({ length: 20 }, () => socket.ping(1000, () => performance.now()));
  assert.ok(rtts.every((rtt) => rtt !== null));
  await net.counters();
});

/** Drops that are no one's fault: what the kernel sends of its own when a device comes up. */
function relevant(drops: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(drops).filter(([name, count]) => count > 0 && name !== "foreignPacket"));
}

function difference(before: DataPlaneCounters, after: DataPlaneCounters): DataPlaneCounters {
  const entries = Object.entries(after).map(([name, value]) => {
    const was = before[name as keyof DataPlaneCounters];
    return [name, typeof value === "number" ? value - (was as number) : value];
  });
  return Object.fromEntries(entries);
}
