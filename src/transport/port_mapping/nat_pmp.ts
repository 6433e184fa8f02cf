/**
 * NAT Port Mapping Protocol (RFC 6886).
 *
 *     request   00 | 00                                                                             2 bytes
 *     response  00 | 80 | result 2 | epoch 4 | external IPv4 address 4                             12 bytes
 *     request   00 | 01 UDP, 02 TCP | 0000 | internal port 2 | external port 2 | lifetime 4       12 bytes
 *     response  00 | 81, 82 | result 2 | epoch 4 | internal port 2 | external port 2 | lifetime 4 16 bytes
 *
 * Lifetime and epoch are seconds. An error may end after the epoch.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { ProtocolError } from "../../base/errors.ts";

const VERSION = 0;
const RESPONSE_BIT = 0x80;
const OPCODE = { address: 0, udp: 1, tcp: 2 } as const;

/** Result codes on which something depends (RFC 6886 section 3.5). */
export const NAT_PMP_RESULT = { success: 0, unsupportedVersion: 1 } as const;

const RESULT_WORDS: readonly string[] = [
  "success",
  "unsupported version",
  "not authorized",
  "network failure",
  "out of resources",
  "unsupported opcode",
];

/** An answer to any request, as far as all are alike. */
export interface AnswerHead {
  /** 0 = success, else {@linkcode natPmpResultWords}. */
  result: number;
  /** Seconds since the gateway lost or made its state. */
  epochS: number;
}

/** The external address of the gateway; null in an error. */
export interface NatPmpAddress extends AnswerHead {
  /** Which question it answers. */
  about: "address";
  /** Unsigned 32-bit number; null in an error. */
  address: number | null;
}

/** A mapping as granted. */
export interface NatPmpGrant {
  /** Port on our side. */
  internalPort: number;
  /** Port on the outside; 0 in the answer to a deletion. */
  externalPort: number;
  /** Seconds; 0 in the answer to a deletion. */
  lifetimeS: number;
}

/** The answer to a request for a mapping. */
export interface NatPmpMapping extends AnswerHead {
  /** Which question it answers. */
  about: "udp" | "tcp";
  /** Null in an error that ends early. */
  grant: NatPmpGrant | null;
}

/** Asks for the external address. */
export function encodeNatPmpAddressRequest(): Uint8Array<ArrayBuffer> {
  return new ByteWriter().u8(VERSION).u8(OPCODE.address).finish();
}

/** Asks for a mapping. Lifetime 0 deletes it; the external port must then be 0 as well (RFC 6886 section 3.4). */
export function encodeNatPmpMapRequest(protocol: "udp" | "tcp", wanted: NatPmpGrant): Uint8Array<ArrayBuffer> {
  return new ByteWriter().u8(VERSION).u8(OPCODE[protocol]).u16(0)
    .u16(wanted.internalPort).u16(wanted.externalPort).u32(wanted.lifetimeS)
    .finish();
}

/**
 * Reads an answer. One in another version is how a gateway says that it speaks only that: it becomes an error about the
 * address, whatever was asked.
 * @throws {ProtocolError}
 */
export function decodeNatPmpResponse(bytes: Uint8Array): NatPmpAddress | NatPmpMapping {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  const operation = reader.u8();
  if ((operation & RESPONSE_BIT) === 0) throw new ProtocolError("NAT-PMP request where an answer was expected");
  const result = reader.u16();
  if (version !== VERSION) {
    if (result !== NAT_PMP_RESULT.unsupportedVersion) throw new ProtocolError(`NAT-PMP version ${version}`);
    return { about: "address", result, epochS: 0, address: null };
  }
  const epochS = reader.u32();
  const isCutOff = result !== NAT_PMP_RESULT.success && reader.remaining === 0;
  switch (operation & ~RESPONSE_BIT) {
    case OPCODE.address:
      return {
        about: "address",
        result,
        epochS,
        address: result === NAT_PMP_RESULT.success ? readEnd(reader, () => reader.u32()) : null,
      };
    case OPCODE.udp:
      return { about: "udp", result, epochS, grant: isCutOff ? null : readGrant(reader) };
    case OPCODE.tcp:
      return { about: "tcp", result, epochS, grant: isCutOff ? null : readGrant(reader) };
    default:
      throw new ProtocolError(`NAT-PMP opcode ${operation} was not asked for`);
  }
}

function readGrant(reader: ByteReader): NatPmpGrant {
  return readEnd(reader, () => {
    const internalPort = reader.u16();
    const externalPort = reader.u16();
    return { internalPort, externalPort, lifetimeS: reader.u32() };
  });
}

/** What `read` reads, with nothing behind it. */
function readEnd<T>(reader: ByteReader, read: () => T): T {
  const value = read();
  reader.done();
  return value;
}

/** RFC 6886 section 3.5 in words. */
export function natPmpResultWords(result: number): string {
  return RESULT_WORDS[result] ?? `result code ${result}`;
}
