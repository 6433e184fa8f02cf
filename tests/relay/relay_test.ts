import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { concat } from "../../src/base/bytes.ts";
import { mappedIpv4, parseIpv4 } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { DATAGRAM, relayDatagrams, type Ticket } from "../../src/protocol/mod.ts";
import { type Relay, type RelayOptions, startRelay } from "../../src/relay/mod.ts";
import { systemClock } from "../../src/transport/system.ts";
import { authority, bindDatagram, RELAY_ID, signedTicket } from "./relay_fixture.ts";

const LOOPBACK = mappedIpv4(parseIpv4("127.0.0.1")!);

/** A member on loopback. */
class Client {
  readonly socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly relay: Deno.NetAddr;

  constructor(relay: Relay) {
    this.relay = { transport: "udp", hostname: "127.0.0.1", port: relay.port };
  }

  async send(datagram: Uint8Array): Promise<void> {
    await this.socket.send(datagram, this.relay);
  }

  async receive(): Promise<Uint8Array> {
    const [datagram] = await this.socket.receive(new Uint8Array(2048));
    return datagram;
  }

  async ask(datagram: Uint8Array): Promise<Uint8Array> {
    await this.send(datagram);
    return await this.receive();
  }

  /** Resolves when the relay has dealt with all that was sent to it before. */
  async settle(): Promise<void> {
    await this.ask(bindDatagram(signedTicket()));
  }

  async bind(changes: Partial<Ticket>): Promise<Uint8Array> {
    const ticket = signedTicket({ issuedAt: BigInt(Date.now()), expiresAt: BigInt(Date.now() + 60_000), ...changes });
    const { cookie } = relayDatagrams.challenge.decode(await this.ask(bindDatagram(ticket)));
    return await this.ask(bindDatagram(ticket, cookie));
  }
}

type Setting = (relay: Relay, members: () => Client) => Promise<void>;

async function withRelay(options: Partial<RelayOptions>, run: Setting): Promise<void> {
  const relay = await startRelay({
    address: LOOPBACK,
    port: 0,
    relayId: RELAY_ID,
    authority: authority(),
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
    ...options,
  });
  const clients: Client[] = [];
  try {
    await run(relay, () => {
      const client = new Client(relay);
      clients.push(client);
      return client;
    });
  } finally {
    for (const { socket } of clients) socket.close();
    await relay.stop();
  }
}

const spi = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const packet = (to: number, length: number, fill: number): Uint8Array =>
  concat(spi(to), new Uint8Array(length - 4).fill(fill));

const kinds: ("fast" | "portable")[] = Deno.build.os === "linux" ? ["fast", "portable"] : ["portable"];
// Native libraries stay open for the life of the process, which a test that opened them first would be blamed for.
for (const forwarding of kinds) await withRelay({ forwarding }, () => Promise.resolve());

for (const forwarding of kinds) {
  Deno.test(`startRelay (${forwarding}) forwards between two bound members, both ways, as it came`, async () => {
    await withRelay({ forwarding }, async (relay, member) => {
      const [a, b] = [member(), member()];
      equal((await a.bind({ spi: 1000, peerSpi: 2000 }))[4], DATAGRAM.bound);
      equal((await b.bind({ spi: 2000, peerSpi: 1000 }))[4], DATAGRAM.bound);
      for (const length of [4, 5, 100, 1400]) {
        await a.send(packet(2000, length, length));
        deepEqual(await b.receive(), packet(2000, length, length));
        await b.send(packet(1000, length, 7));
        deepEqual(await a.receive(), packet(1000, length, 7));
      }
      const ke1 = concat(new Uint8Array(4), Uint8Array.of(0x21), spi(2000), new Uint8Array(291));
      await a.send(ke1);
      deepEqual(await b.receive(), ke1);
      await member().settle();
      const { datagramsOut, bytesOut, bindings } = relay.stats();
      deepEqual({ datagramsOut, bytesOut, bindings }, {
        datagramsOut: 9,
        bytesOut: 2 * (4 + 5 + 100 + 1400) + 300,
        bindings: 2,
      });
    });
  });

  Deno.test(`startRelay (${forwarding}) forwards nothing from a stranger, to a stranger, or past the peer`, async () => {
    await withRelay({ forwarding }, async (relay, member) => {
      const [a, b, c, stranger] = [member(), member(), member(), member()];
      await a.bind({ spi: 1000, peerSpi: 2000 });
      await b.bind({ spi: 2000, peerSpi: 1000 });
      await c.bind({ spi: 3000, peerSpi: 4000 });
      await stranger.send(packet(2000, 50, 1));
      await c.send(packet(2000, 50, 2));
      await a.send(packet(3000, 50, 3));
      await a.send(packet(5000, 50, 4));
      await a.send(new Uint8Array(3));
      await a.send(concat(new Uint8Array(4), Uint8Array.of(0x01), new Uint8Array(59)));
      await a.send(packet(2000, 50, 5));
      deepEqual(await b.receive(), packet(2000, 50, 5), "the only one that arrives");
      await stranger.settle();
      const { drops, datagramsOut } = relay.stats();
      deepEqual(drops, { unbound: 2, stranger: 2, rate: 0, system: 0 });
      equal(datagramsOut, 1);
    });
  });

  Deno.test(`startRelay (${forwarding}) stops forwarding when the server revokes`, async () => {
    await withRelay({ forwarding }, async (relay, member) => {
      const [a, b] = [member(), member()];
      await a.bind({ spi: 1000, peerSpi: 2000 });
      await b.bind({ spi: 2000, peerSpi: 1000 });
      relay.revoke({ spi: 1000 });
      // Commands keep their order: once this answer is there, the revocation is in force.
      await b.bind({ spi: 2000, peerSpi: 1000 });
      await a.send(packet(2000, 50, 1));
      await b.send(packet(1000, 50, 1));
      await b.settle();
      equal((await a.bind({ spi: 1000, peerSpi: 2000, issuedAt: 1n }))[4], DATAGRAM.bindRefused);
      equal(relay.stats().drops.unbound, 2);
    });
  });

  Deno.test(`startRelay (${forwarding}) keeps a sender to its rate`, async () => {
    await withRelay({ forwarding }, async (relay, member) => {
      const [a, b] = [member(), member()];
      await a.bind({ spi: 1000, peerSpi: 2000, rateKbit: 8 });
      await b.bind({ spi: 2000, peerSpi: 1000 });
      for (let n = 0; n < 200; n++) {
        await a.send(packet(2000, 1000, n));
        // Otherwise the kernel drops what the relay has not read yet.
        if (n % 20 === 19) await a.settle();
      }
      const { drops, bytesOut } = relay.stats();
      equal(bytesOut >= 100_000 && bytesOut <= 140_000, true, `${bytesOut} bytes`);
      equal(drops.rate, 200 - bytesOut / 1000);
      await b.send(packet(1000, 1000, 1));
      deepEqual(await a.receive(), packet(1000, 1000, 1), "the other direction has a rate of its own");
    });
  });

  Deno.test(`startRelay (${forwarding}) says why it cannot bind a port that is taken`, async () => {
    await withRelay({ forwarding }, async (relay) => {
      await rejects(
        withRelay({ forwarding, port: relay.port }, () => Promise.resolve()),
        (error: Error) => {
          match(error.message, /in use|AddrInUse/i);
          return true;
        },
      );
    });
  });
}
