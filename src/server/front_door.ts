/**
 * Finds out what somebody wants who connects by TCP, from the first bytes (PROTOCOL.md section 3).
 *
 *     0x16             TLS: unwrapped, then the same question again
 *     00 00 00 01 05   RELAY STREAM
 *     00 …             a login
 *     else             within TLS a web browser, or somebody who looks what is here; without TLS nobody
 *
 * @module
 */
import { RELAY_STREAM_OPENING } from "../protocol/mod.ts";
import { type BufferedStream, withFirst } from "../transport/stream.ts";
import { startTlsServer, type TlsCertificate } from "../transport/tls.ts";
import { answerWebRequest } from "./web_page.ts";

/** A visitor with business here; what was read of the stream is in it again, but for the opening of a relay stream. */
export interface Visitor {
  /** What it wants. */
  wants: "login" | "relayStream";
  /** Its connection. */
  stream: BufferedStream;
}

/** What a door needs. */
export interface FrontDoorOptions {
  /** Whether nothing but TLS is spoken here. */
  isTlsOnly: boolean;
  /** What it shows. */
  certificate: TlsCertificate;
  /** Time of day, for answers to web browsers. */
  wallMs(): number;
}

const TLS_HANDSHAKE = 0x16;

/** A TLS client's first message is longer, a browser's request as well. */
const LOOK_LENGTH = 1024;

/**
 * Lets a visitor in. Whoever has no business here has been answered and hung up on. Who takes too long is for the caller to
 * end, by closing `stream`.
 *
 * @returns null for those, and for who has hung up. Never rejects
 */
export async function receiveVisitor(stream: BufferedStream, options: FrontDoorOptions): Promise<Visitor | null> {
  try {
    const first = await look(stream);
    if (first[0] === TLS_HANDSHAKE) {
      const inside = await startTlsServer(withFirst(stream, first), options.certificate);
      return await sort(inside, await look(inside), options);
    }
    if (!options.isTlsOnly && first[0] === 0) return await sort(stream, first, options);
  } catch {
    // Whoever broke off, or speaks something else behind a first byte that looked right.
  }
  stream.close();
  return null;
}

async function sort(stream: BufferedStream, first: Uint8Array, options: FrontDoorOptions): Promise<Visitor | null> {
  if (first[0] !== 0) {
    if (first.length > 0) await stream.write(answerWebRequest(first, options.wallMs()));
    stream.close();
    return null;
  }
  const begun = await readOpening(stream, first);
  return begun.every((byte, index) => byte === RELAY_STREAM_OPENING[index] || index >= RELAY_STREAM_OPENING.length)
    ? { wants: "relayStream", stream: withFirst(stream, begun.subarray(RELAY_STREAM_OPENING.length)) }
    : { wants: "login", stream: withFirst(stream, begun) };
}

/** Reads on for as long as it may become the opening of a relay stream, or has become it. */
async function readOpening(stream: BufferedStream, first: Uint8Array): Promise<Uint8Array> {
  let held = first;
  while (
    held.length < RELAY_STREAM_OPENING.length && held.every((byte, index) => byte === RELAY_STREAM_OPENING[index])
  ) {
    const more = await look(stream);
    if (more.length === 0) throw new Error("the connection ended");
    held = Uint8Array.from([...held, ...more]);
  }
  return held;
}

/** What has arrived, or arrives next; empty at the end. */
async function look(stream: BufferedStream): Promise<Uint8Array> {
  const buffer = new Uint8Array(LOOK_LENGTH);
  return buffer.slice(0, await stream.readInto(buffer) ?? 0);
}
