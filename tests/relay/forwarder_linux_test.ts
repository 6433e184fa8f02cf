import { deepEqual, equal } from "node:assert/strict";
import { type Endpoint, mappedIpv4 } from "../../src/base/ip.ts";
import { ReceiveMessage, SendMessage } from "../../src/ffi/datagram_message_linux.ts";
import { DatagramPort } from "../../src/ffi/libc_linux.ts";
import { NativeMemory } from "../../src/ffi/native_memory.ts";
import { closeDescriptor } from "../../src/ffi/posix_linux.ts";
import { socketAddressLength, writeSocketAddress } from "../../src/ffi/socket_address_linux.ts";
import { openUdpDescriptor } from "../../src/ffi/udp_linux.ts";
import { COUNTER_COUNT, statsOf } from "../../src/relay/counters.ts";
import { LinuxForwarder } from "../../src/relay/forwarder_linux.ts";
import { needs } from "../support/needs.ts";

const LOOPBACK = mappedIpv4(0x7f000001);
const DATA_AT = 4096;

/** A member that sends and receives whole trains. */
class TrainClient {
  readonly #socket = openUdpDescriptor(0, LOOPBACK);
  readonly #memory = new NativeMemory(DATA_AT + 65536);
  readonly #sending = new SendMessage(this.#memory, 0, socketAddressLength(this.#socket.family));
  readonly #receiving = new ReceiveMessage(this.#memory, 512, socketAddressLength(this.#socket.family));
  readonly #port = new DatagramPort(this.#memory, this.#socket.descriptor, 512, 0);
  static readonly #ADDRESS_AT = 1024;

  get endpoint(): Endpoint {
    return { address: LOOPBACK, port: this.#socket.port };
  }

  /** Sends one train: datagrams of equal length, the last one may be shorter. */
  send(to: Endpoint, datagrams: Uint8Array[]): void {
    writeSocketAddress(this.#memory.view, TrainClient.#ADDRESS_AT, to, this.#socket.family);
    let at = DATA_AT;
    for (const datagram of datagrams) {
      this.#memory.bytes.set(datagram, at);
      at += datagram.length;
    }
    this.#sending.set(DATA_AT, at - DATA_AT, datagrams[0]!.length, TrainClient.#ADDRESS_AT);
    equal(this.#port.send(), at - DATA_AT);
  }

  /** Everything that has arrived, and in how many trains. */
  drain(): { datagrams: Uint8Array[]; trains: number } {
    const datagrams: Uint8Array[] = [];
    for (let trains = 0;; trains++) {
      this.#receiving.arm(DATA_AT, 65536);
      const received = this.#port.receive();
      if (received < 0) return { datagrams, trains };
      const step = this.#receiving.segmentLength(received);
      for (let at = 0; at < received; at += step) {
        datagrams.push(this.#memory.bytes.slice(DATA_AT + at, DATA_AT + Math.min(received, at + step)));
      }
    }
  }

  close(): void {
    closeDescriptor(this.#socket.descriptor);
  }
}

class Fixture {
  readonly socket = openUdpDescriptor(0, LOOPBACK);
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly control: Uint8Array[] = [];
  readonly renewals: boolean[] = [];
  readonly forwarder: LinuxForwarder;
  readonly endpoint: Endpoint;

  constructor(hasSegmentation = this.socket.hasSegmentation) {
    this.endpoint = { address: LOOPBACK, port: this.socket.port };
    this.forwarder = new LinuxForwarder({
      ...this.socket,
      hasSegmentation,
      capacity: 4,
      rates: { low: 0, high: 0 },
      counters: this.counters,
      mayTake: (isRenewal) => this.renewals.push(isRenewal) > 0,
      onControl: (_, datagram) => this.control.push(datagram),
    });
  }

  bind(spi: number, peerSpi: number, client: TrainClient): void {
    this.forwarder.set({ spi, peerSpi, endpoint: client.endpoint, class: 2, rateKbit: 0 });
  }

  close(...clients: TrainClient[]): void {
    closeDescriptor(this.socket.descriptor);
    for (const client of clients) client.close();
  }
}

function datagram(spi: number, length: number, fill: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill);
  new DataView(bytes.buffer).setUint32(0, spi);
  return bytes;
}

// Native libraries stay open for the life of the process, which a test that opened them first would be blamed for.
if (Deno.build.os === "linux") {
  const client = new TrainClient();
  new Fixture().close(client);
}

Deno.test(needs("LinuxForwarder sends a train on as a train, its last datagram shorter", "linux"), () => {
  const [fixture, a, b] = [new Fixture(), new TrainClient(), new TrainClient()];
  fixture.bind(1000, 2000, a);
  fixture.bind(2000, 1000, b);
  const train = Array.from({ length: 40 }, (_, n) => datagram(2000, n === 39 ? 700 : 1400, n));
  a.send(fixture.endpoint, train);
  fixture.forwarder.work();
  const { datagrams, trains } = b.drain();
  deepEqual(datagrams, train);
  equal(trains, 1);
  equal(statsOf(fixture.counters).datagramsOut, 40);
  equal(statsOf(fixture.counters).bytesOut, 39 * 1400 + 700);
  fixture.close(a, b);
});

Deno.test(needs("LinuxForwarder sends the same where the kernel cannot segment", "linux"), () => {
  const [fixture, a, b] = [new Fixture(false), new TrainClient(), new TrainClient()];
  fixture.bind(1000, 2000, a);
  fixture.bind(2000, 1000, b);
  const train = Array.from({ length: 10 }, (_, n) => datagram(2000, n === 9 ? 5 : 1400, n));
  a.send(fixture.endpoint, train);
  fixture.forwarder.work();
  deepEqual(b.drain().datagrams, train);
  equal(statsOf(fixture.counters).datagramsOut, 10);
  fixture.close(a, b);
});

Deno.test(needs("LinuxForwarder cuts a train of several tunnels into runs, control and strays apart", "linux"), () => {
  const [fixture, a, b, c] = [new Fixture(), new TrainClient(), new TrainClient(), new TrainClient()];
  fixture.bind(1000, 2000, a);
  fixture.bind(2000, 1000, b);
  fixture.bind(1001, 3000, a);
  fixture.bind(3000, 1001, c);
  const bind = new Uint8Array(165).fill(0);
  bind[4] = 0x40;
  const spis = [2000, 2000, 3000, null, 2000, 4444, 3000, 3000, 2000];
  const train = spis.map((spi, n) => spi === null ? bind : datagram(spi, 165, n));
  a.send(fixture.endpoint, train);
  fixture.forwarder.work();
  deepEqual(b.drain().datagrams, train.filter((_, n) => spis[n] === 2000));
  deepEqual(c.drain().datagrams, train.filter((_, n) => spis[n] === 3000));
  deepEqual(fixture.control, [bind]);
  equal(statsOf(fixture.counters).drops.unbound, 1);
  fixture.close(a, b, c);
});

Deno.test(needs("LinuxForwarder tells a renewal from a stranger's BIND by where it comes from", "linux"), () => {
  const [fixture, a, stranger] = [new Fixture(), new TrainClient(), new TrainClient()];
  fixture.bind(1000, 2000, a);
  const bind = new Uint8Array(165);
  bind[4] = 0x40;
  new DataView(bind.buffer).setUint32(40, 1000);
  a.send(fixture.endpoint, [bind]);
  stranger.send(fixture.endpoint, [bind]);
  fixture.forwarder.work();
  deepEqual(fixture.renewals, [true, false]);
  fixture.close(a, stranger);
});

Deno.test(needs("LinuxForwarder moves and forgets clients, and gives their places to others", "linux"), () => {
  const [fixture, a, b, c] = [new Fixture(), new TrainClient(), new TrainClient(), new TrainClient()];
  fixture.bind(1000, 2000, a);
  fixture.bind(2000, 1000, b);
  fixture.bind(2000, 1000, c);
  a.send(fixture.endpoint, [datagram(2000, 50, 1)]);
  b.send(fixture.endpoint, [datagram(1000, 50, 1)]);
  fixture.forwarder.work();
  equal(b.drain().datagrams.length, 0);
  equal(a.drain().datagrams.length, 0, "from where it was before, its peer is a stranger");
  equal(c.drain().datagrams.length, 1);
  for (let n = 0; n < 20; n++) {
    fixture.bind(5000 + n, 1, b);
    fixture.forwarder.clear(5000 + n);
  }
  fixture.bind(6000, 1000, b);
  fixture.bind(6001, 1000, b);
  fixture.bind(6002, 1000, b);
  a.send(fixture.endpoint, [datagram(6001, 50, 1)]);
  a.send(fixture.endpoint, [datagram(6002, 50, 1)]);
  fixture.forwarder.work();
  equal(b.drain().datagrams.length, 1, "the fifth found no place");
  fixture.close(a, b, c);
});
