import {
  type Endpoint,
  equalEndpoint,
  formatIpv4,
  formatIpv6,
  ipv4Of,
  mappedIpv4,
  parseIpv4,
  parseIpv6,
} from "../base/ip.ts";
import { BIND_LENGTH, isExchangeType } from "../protocol/mod.ts";
import { COUNTER, COUNTER_COUNT, statsOf } from "./counters.ts";
import { rateBucket } from "./rate.ts";
import type { TokenBucket } from "./token_bucket.ts";
import type { Binding, Forwarder, ForwarderOptions } from "./types.ts";

interface Bound extends Binding {
  bucket: TokenBucket | null;
}

/** Binds the port with the runtime's own sockets: for systems without a faster way. `now`: monotonic ms. @throws {Error} where it cannot be bound */
export function startPortableForwarder(options: ForwarderOptions, now: () => number): Forwarder {
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: options.address === undefined ? "0.0.0.0" : hostOf(options.address),
    port: options.port,
  });
  const forwarder = new PortableForwarder(socket, options, now);
  const ended = forwarder.run();
  return {
    port: socket.addr.transport === "udp" ? socket.addr.port : options.port,
    apply: (change) => change.do === "set" ? forwarder.set(change.binding) : forwarder.clear(change.spi),
    send: (to, datagram) => forwarder.send(to, datagram),
    stats: () => statsOf(forwarder.counters),
    stop: () => {
      socket.close();
      return ended;
    },
  };
}

/** The same rules as the Linux forwarder, one datagram at a time. */
class PortableForwarder {
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly #socket: Deno.DatagramConn;
  readonly #options: ForwarderOptions;
  readonly #now: () => number;
  readonly #bound = new Map<number, Bound>();

  constructor(socket: Deno.DatagramConn, options: ForwarderOptions, now: () => number) {
    this.#socket = socket;
    this.#options = options;
    this.#now = now;
  }

  set(binding: Binding): void {
    this.#bound.set(binding.spi, { ...binding, bucket: rateBucket(binding, this.#options.rates, this.#now()) });
  }

  clear(spi: number): void {
    this.#bound.delete(spi);
  }

  /** Receives until the socket is closed. */
  async run(): Promise<void> {
    try {
      for await (const [datagram, from] of this.#socket) {
        const endpoint = from.transport === "udp" ? endpointOf(from) : null;
        if (endpoint !== null) this.#receive(datagram, endpoint);
      }
    } catch (error) {
      this.#options.onFailed(error instanceof Error ? error.message : String(error));
    }
  }

  send(to: Endpoint, datagram: Uint8Array): void {
    this.#transmit(to, datagram);
  }

  #receive(datagram: Uint8Array, from: Endpoint): void {
    this.#count(COUNTER.datagramsIn, 1);
    this.#count(COUNTER.bytesIn, datagram.length);
    if (datagram.length < 4) return;
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    const word = view.getUint32(0);
    if (word !== 0) return this.#forward(word, datagram, from);
    if (datagram.length >= 9 && isExchangeType(view.getUint8(4))) {
      return this.#forward(view.getUint32(5), datagram, from);
    }
    if (datagram.length === BIND_LENGTH) this.#options.onControl(from, datagram);
  }

  #forward(spi: number, datagram: Uint8Array, from: Endpoint): void {
    const receiver = this.#bound.get(spi);
    const sender = receiver === undefined ? undefined : this.#bound.get(receiver.peerSpi);
    if (receiver === undefined || sender === undefined) return this.#count(COUNTER.unbound, 1);
    if (!equalEndpoint(sender.endpoint, from)) return this.#count(COUNTER.stranger, 1);
    if (sender.bucket !== null && !sender.bucket.take(datagram.length, this.#now())) {
      return this.#count(COUNTER.rate, 1);
    }
    this.#transmit(receiver.endpoint, datagram, () => {
      this.#count(COUNTER.datagramsOut, 1);
      this.#count(COUNTER.bytesOut, datagram.length);
    });
  }

  #transmit(to: Endpoint, datagram: Uint8Array, onSent = () => {}): void {
    const address: Deno.NetAddr = { transport: "udp", hostname: hostOf(to.address), port: to.port };
    this.#socket.send(datagram, address).then(onSent, () => this.#count(COUNTER.system, 1));
  }

  #count(place: number, amount: number): void {
    this.counters[place]! += amount;
  }
}

function hostOf(address: Uint8Array): string {
  const quad = ipv4Of({ address, port: 0 });
  return quad === null ? formatIpv6(address) : formatIpv4(quad);
}

function endpointOf({ hostname, port }: Deno.NetAddr): Endpoint | null {
  const quad = parseIpv4(hostname);
  const address = quad === null ? parseIpv6(hostname.split("%")[0]!) : mappedIpv4(quad);
  return address === null ? null : { address, port };
}
