import assert from "node:assert/strict";
import { EchoSocket } from "../../src/ffi/icmp_linux.ts";
import type { ChaosLink } from "../../src/lab/chaos_link.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

const PORT = 5000;

function listen(host: LabHost, hostname: string, port: number): Deno.DatagramConn {
  return host.namespace.run(() => ({ socket: Deno.listenDatagram({ transport: "udp", hostname, port }) })).socket;
}

/** Sends numbered datagrams of 1,000 bytes over a disturbed line and gives what arrives until it is quiet. */
async function carry(count: number, sender: Deno.DatagramConn, receiver: Deno.DatagramConn): Promise<Uint8Array[]> {
  const { hostname, port } = receiver.addr as Deno.NetAddr;
  const received: Uint8Array[] = [];
  const loop = (async () => {
    for (;;) {
      const [datagram] = await receiver.receive();
      if (datagram.length === 1) return;
      received.push(datagram);
    }
  })();
  for (let number = 0; number < count; number++) {
    const datagram = new Uint8Array(1_000).fill(number & 255);
    new DataView(datagram.buffer).setUint16(0, number);
    await sender.send(datagram, { transport: "udp", hostname, port });
    if (number % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await new Promise((resolve) => setTimeout(resolve, 120));
  // The last one says that it is over, again and again because it may be lost.
  const ending = setInterval(() => void sender.send(new Uint8Array(1), { transport: "udp", hostname, port }), 5);
  await loop;
  clearInterval(ending);
  return received;
}

async function world(
  run: (parts: {
    link: ChaosLink;
    sender: Deno.DatagramConn;
    receiver: Deno.DatagramConn;
    host: LabHost;
    address: string;
  }) => Promise<void>,
): Promise<void> {
  await using lab = new Lab();
  const internet = new Internet(lab);
  const one = internet.addPublicHost("one");
  const other = internet.addPublicHost("other");
  const link = await internet.disturb(other, {}, 5);
  const sender = listen(one.host, one.addresses[0]!, PORT);
  const receiver = listen(other.host, other.addresses[0]!, PORT);
  try {
    await run({ link, sender, receiver, host: one.host, address: other.addresses[0]! });
  } finally {
    sender.close();
    receiver.close();
  }
}

Deno.test(
  needs("ChaosLink loses, repeats, reorders and damages what crosses it, as it is told", "linux", "netns", "tun"),
  () =>
    world(async ({ link, sender, receiver }) => {
      const calm = await carry(200, sender, receiver);
      assert.equal(calm.length, 200);
      link.set({ loss: 0.2, duplicate: 0.1, reorder: 0.1, corrupt: 0.1 });
      await new Promise((resolve) => setTimeout(resolve, 30));
      const before = link.counters;
      const received = await carry(1_000, sender, receiver);
      const { lost, repeated, flipped } = link.counters;
      assert.ok(received.length > 750 && received.length < 1_000, `${received.length} datagrams`);
      assert.ok(lost - before.lost > 120 && repeated > 40 && flipped > 40, JSON.stringify(link.counters));
      const isWhole = (datagram: Uint8Array) => datagram.subarray(2).every((byte) => byte === datagram[2]);
      const damaged = received.filter((datagram) => !isWhole(datagram)).length;
      assert.ok(damaged > 40, `${damaged} damaged: the system's checksum must not hide them`);
      const numbers = received.filter(isWhole).map((datagram) => new DataView(datagram.buffer).getUint16(0));
      assert.ok(numbers.some((number, index) => index > 0 && number < numbers[index - 1]!), "some were overtaken");
    }),
);

Deno.test(
  needs("ChaosLink delays both ways, and swallows what is too long", "linux", "netns", "tun"),
  () =>
    world(({ link, host, address }) => {
      link.set({ delayMs: 25 });
      using socket = host.namespace.run(() => new EchoSocket(address, 7));
      const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      wait(50);
      const rtt = socket.ping(1_000, () => performance.now());
      assert.ok(rtt !== null && rtt >= 50 && rtt < 75, `${rtt} ms`);
      link.set({ maxLength: 20 });
      wait(50);
      assert.equal(socket.ping(100, () => performance.now()), null);
      return Promise.resolve();
    }),
);
