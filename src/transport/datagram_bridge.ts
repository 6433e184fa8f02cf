/**
 * Datagrams over a stream, for whoever speaks UDP on this machine: the bridge has a UDP socket of its own on a local address
 * and stands there for the other end of the stream. What is sent to the socket goes into the stream, what comes out of the
 * stream is sent from the socket. So a relay or a data plane that moves datagrams knows no other kind of peer than a UDP one.
 *
 * Nobody waits for a slow stream: what it has no room for is dropped, as a slow line would.
 *
 * @module
 */
import type { Endpoint } from "../base/ip.ts";
import { hostnameOf, type StreamConnection } from "./stream.ts";

/** How datagrams are written into the stream. */
export interface DatagramFraming {
  /** Bytes before each datagram. */
  readonly headLength: number;
  /** Writes those bytes for a datagram of `length` bytes to `into` at `at`. */
  writeHead(into: Uint8Array, at: number, length: number): void;
  /** Cuts a stream into datagrams again. */
  splitter(): DatagramSplitter;
}

/** Takes a stream's bytes and gives its datagrams. */
export interface DatagramSplitter {
  /** The caller may use `chunk` again. */
  push(chunk: Uint8Array): void;
  /** The next whole datagram; null = not there yet. @throws {Error} when the stream makes no sense any more */
  next(): Uint8Array | null;
}

/** What a bridge connects. */
export interface BridgeOptions {
  /** The stream; the bridge closes it. */
  stream: StreamConnection;
  /** How the stream carries datagrams. */
  framing: DatagramFraming;
  /** The UDP socket on this machine to speak with: datagrams of others are ignored. */
  peer: Endpoint;
  /** Sees each datagram that comes out of the stream; false = it is dropped. */
  mayEnter?: (datagram: Uint8Array) => boolean;
  /** Sees each datagram that goes into the stream. */
  onLeaving?: (datagram: Uint8Array) => void;
}

/** A bridge that works. */
export interface DatagramBridge {
  /** Where the peer finds the other end of the stream. */
  readonly endpoint: Endpoint;
  /** Resolves when it has ended, with the reason. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends it. May be called again. */
  close(): void;
}

/** Datagrams are written together up to this length. */
const BATCH_LENGTH = 64 * 1024;

/** Batches that may wait for the stream, about 50 ms at 40 Mbit/s: more would only be delay. */
const MAX_BATCHES = 4;

/** Framed datagrams on their way into the stream. */
interface Batch {
  bytes: Uint8Array;
  length: number;
}

const MAX_DATAGRAM_LENGTH = 65_535;

/** Opens the socket and carries datagrams until the stream ends. @throws {Error} when there is no socket to be had */
export function bridgeDatagrams(options: BridgeOptions): DatagramBridge {
  return new Bridge(options);
}

class Bridge implements DatagramBridge {
  readonly endpoint: Endpoint;
  readonly ended: Promise<string>;
  readonly #options: BridgeOptions;
  readonly #socket: Deno.DatagramConn;
  readonly #peerAddress: Deno.NetAddr;
  #batches: Batch[] = [];
  #writing: Promise<void> | null = null;
  #reason: string | null = null;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const hostname = hostnameOf(options.peer);
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    const { port } = this.#socket.addr as Deno.NetAddr;
    this.endpoint = { address: options.peer.address, port };
    this.#peerAddress = { transport: "udp", hostname, port: options.peer.port };
    this.ended = this.#run();
  }

  close(): void {
    this.#end("closed");
  }

  async #run(): Promise<string> {
    const finish = (work: Promise<void>, what: string) =>
      work.then(() => this.#end(`${what} has ended`), (error: unknown) => this.#end(`${what} failed: ${error}`));
    await Promise.all([finish(this.#receive(), "the socket"), finish(this.#read(), "the stream")]);
    await this.#writing;
    return this.#reason!;
  }

  #end(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#batches = [];
    this.#options.stream.close();
    this.#socket.close();
  }

  /** From the socket into the stream. */
  async #receive(): Promise<void> {
    const { onLeaving } = this.#options;
    const peer = this.#peerAddress;
    const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH);
    while (this.#reason === null) {
      const received = await this.#receiveOne(buffer);
      if (received === null) continue;
      const [datagram, { hostname, port }] = received;
      if (datagram.length === 0 || port !== peer.port || hostname !== peer.hostname) continue;
      if (!this.#enqueue(datagram)) continue;
      onLeaving?.(datagram);
      this.#writing ??= this.#writeAll();
    }
  }

  /** False where there is no room. */
  #enqueue(datagram: Uint8Array): boolean {
    const { framing } = this.#options;
    const length = framing.headLength + datagram.length;
    let batch = this.#batches.at(-1);
    // The first batch is being written.
    if (batch === undefined || batch.length + length > batch.bytes.length || this.#isWritten(batch)) {
      if (this.#batches.length >= MAX_BATCHES) return false;
      batch = { bytes: new Uint8Array(Math.max(BATCH_LENGTH, length)), length: 0 };
      this.#batches.push(batch);
    }
    framing.writeHead(batch.bytes, batch.length, datagram.length);
    batch.bytes.set(datagram, batch.length + framing.headLength);
    batch.length += length;
    return true;
  }

  #isWritten(batch: Batch): boolean {
    return this.#writing !== null && batch === this.#batches[0];
  }

  /** Null for a report that the peer did not take a datagram: it may come back. */
  async #receiveOne(buffer: Uint8Array): Promise<[Uint8Array, Deno.NetAddr] | null> {
    try {
      return await this.#socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
    } catch (error) {
      if (this.#reason !== null || error instanceof Deno.errors.ConnectionRefused) return null;
      throw error;
    }
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#batches.length > 0) {
        const { bytes, length } = this.#batches[0]!;
        await this.#options.stream.write(bytes.subarray(0, length));
        this.#batches.shift();
      }
    } catch (error) {
      this.#end(`the stream failed: ${error}`);
    } finally {
      this.#writing = null;
    }
  }

  /** From the stream to the peer, as fast as the socket takes it. */
  async #read(): Promise<void> {
    const { stream, framing, mayEnter } = this.#options;
    const splitter = framing.splitter();
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
      splitter.push(chunk);
      for (let datagram = splitter.next(); datagram !== null; datagram = splitter.next()) {
        if (mayEnter?.(datagram) === false) continue;
        // A full socket drops, as UDP does.
        await this.#socket.send(datagram, this.#peerAddress).catch(() => 0);
      }
    }
  }
}
