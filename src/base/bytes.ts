import { ProtocolError } from "./errors.ts";

/** One new array holding all parts in order. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Whether both hold the same bytes. Not for secrets: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Reads pairs of hexadecimal digits of either case. @throws {ProtocolError} on an odd length or any other character. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    throw new ProtocolError("not hexadecimal: expected pairs of the digits 0-9 and a-f");
  }
}

/** RFC 4648 section 5, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The inverse of {@linkcode toBase64Url}; each byte string has one accepted spelling. @throws {ProtocolError} on any other. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = Uint8Array.fromBase64(text, { alphabet: "base64url", lastChunkHandling: "loose" });
  } catch {
    bytes = undefined;
  }
  // The loose decoder takes white space, padding and stray low bits; encoding again shows whether there were any.
  if (bytes === undefined || toBase64Url(bytes) !== text) {
    throw new ProtocolError("not base64url: expected the characters A-Z a-z 0-9 - _ without padding");
  }
  return bytes;
}

/** UTF-8 bytes of `text`; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Text of well-formed UTF-8; a byte order mark is kept, so that equal text means equal bytes. @throws {ProtocolError} otherwise. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ProtocolError("text is not well-formed UTF-8");
  }
}

/** Reads big-endian fields from the front of `bytes`. Every method throws ProtocolError rather than read past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** Keeps a view of `bytes`, which must not change while it is read. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes are still to be read. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next byte. */
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** The next 2 bytes as an unsigned number. */
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  /** The next 4 bytes as an unsigned number. */
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** The next 8 bytes as an unsigned number. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A copy of the next `length` bytes, so that the record outlives the receive buffer. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#take(length);
    return Uint8Array.from(this.#bytes.subarray(start, start + length));
  }

  /** A copy of everything that is left. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.bytes(this.remaining);
  }

  /** Asserts that the message ends here. @throws {ProtocolError} when bytes are left. */
  done(): void {
    if (this.remaining > 0) throw new ProtocolError(`trailing bytes: ${this.remaining} after the end of the message`);
  }

  #take(length: number): number {
    if (!Number.isInteger(length) || length < 0) throw new RangeError(`Cannot read ${length} bytes`);
    if (length > this.remaining) {
      throw new ProtocolError(
        `truncated message: ${length} bytes wanted at offset ${this.#offset}, ${this.remaining} left`,
      );
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** Builds a message of big-endian fields. A number that does not fit its field is a bug of ours: RangeError. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  /** The buffer grows by itself; `initialCapacity`, in bytes, only saves a copy. */
  constructor(initialCapacity = 64) {
    this.#bytes = new Uint8Array(initialCapacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  /** Appends 1 byte, 0 .. 2^8-1. */
  u8(value: number): this {
    const start = this.#reserve(1, value, 0xff);
    this.#view.setUint8(start, value);
    return this;
  }

  /** Appends 2 bytes, 0 .. 2^16-1. */
  u16(value: number): this {
    const start = this.#reserve(2, value, 0xffff);
    this.#view.setUint16(start, value);
    return this;
  }

  /** Appends 4 bytes, 0 .. 2^32-1. */
  u32(value: number): this {
    const start = this.#reserve(4, value, 0xffff_ffff);
    this.#view.setUint32(start, value);
    return this;
  }

  /** Appends 8 bytes, 0 .. 2^64-1. */
  u64(value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`Cannot write ${value} as 8 bytes`);
    const start = this.#grow(8);
    this.#view.setBigUint64(start, value);
    return this;
  }

  /** Appends a copy of `value`. */
  bytes(value: Uint8Array): this {
    const start = this.#grow(value.length);
    this.#bytes.set(value, start);
    return this;
  }

  /** A copy of what was written; the writer may go on. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(length: number, value: number, max: number): number {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new RangeError(`Cannot write ${value} as ${length} bytes`);
    }
    return this.#grow(length);
  }

  /** Makes room for `length` more bytes; the offset where they begin. Replaces the buffer, so call it before touching that. */
  #grow(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}
