/**
 * Datagrams over a stream to a relay (PROTOCOL.md section 12.4).
 *
 *     RELAY STREAM  00 00 00 01 | 05          from the client, once
 *     datagram      size u16 | datagram       from then on, both ways
 *
 * @module
 */
import { encodePlainFrame, FRAME, FrameSplitter } from "./frames.ts";

/** What a client says first. */
export const RELAY_STREAM_OPENING: Uint8Array = encodePlainFrame(FRAME.relayStream);

/** Longest datagram that either end writes; one that is announced to be longer ends the stream. */
export const MAX_STREAM_DATAGRAM_LENGTH = 4096;

const SIZE_LENGTH = 2;

/** How datagrams are written into a stream and cut out of it. */
export const RELAY_STREAM_FRAMING = {
  /** Bytes before each datagram. */
  headLength: SIZE_LENGTH,
  /** `size u16`. */
  writeHead(into: Uint8Array, at: number, length: number): void {
    into[at] = length >> 8;
    into[at + 1] = length & 0xff;
  },
  /** Gives one datagram after the other. `next` throws {@linkcode ProtocolError} at a size beyond the limit. */
  splitter(): { push(chunk: Uint8Array): void; next(): Uint8Array | null } {
    const frames = new FrameSplitter({ sizeLength: SIZE_LENGTH, maxSize: MAX_STREAM_DATAGRAM_LENGTH });
    return {
      push: (chunk) => frames.push(chunk),
      next: () => frames.next()?.subarray(SIZE_LENGTH) ?? null,
    };
  },
};
