/**
 * Port Control Protocol, version 2 (RFC 6887): the two operations that Buri asks of a gateway.
 *
 *     request   02 | opcode | 0000 | lifetime 4 | client address 16                              24 bytes
 *     response  02 | 80+opcode | 00 | result | lifetime 4 | epoch 4 | 12 zeros                   24 bytes
 *     both, MAP nonce 12 | protocol | 000000 | internal port 2 | external port 2 | address 16   +36 bytes
 *
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d; lifetime and epoch are seconds. Options may follow; Buri sends none and
 * reads none.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { ProtocolError } from "../../base/errors.ts";
import type { Endpoint } from "../../base/ip.ts";

/** Where a gateway listens for PCP and NAT-PMP alike (RFC 6887 section 19.1). */
export const GATEWAY_PORT = 5351;

/** Bytes of a mapping's nonce: whoever does not know it can neither renew nor delete the mapping. */
export const PCP_NONCE_LENGTH = 12;

const VERSION = 2;
const RESPONSE_BIT = 0x80;
const OPCODE = { announce: 0, map: 1 } as const;
const HEADER_LENGTH = 24;
const MAX_MESSAGE_LENGTH = 1100;

/** Result codes on which something depends (RFC 6887 section 7.4); 0 is success. */
export const PCP_RESULT = { success: 0, unsupportedVersion: 1, unsupportedOpcode: 4 } as const;

const RESULT_WORDS: readonly string[] = [
  "success",
  "unsupported version",
  "not authorized",
  "malformed request",
  "unsupported opcode",
  "unsupported option",
  "malformed option",
  "network failure",
  "no resources",
  "unsupported protocol",
  "user exceeded quota",
  "cannot provide external",
  "address mismatch",
  "excessive remote peers",
];

/** IANA protocol numbers. */
export const IP_PROTOCOL = { tcp: 6, udp: 17 } as const;

/** What a MAP request asks for, or a MAP response grants. */
export interface PcpMapping {
  /** 12 bytes, drawn once per mapping. */
  nonce: Uint8Array;
  /** 6 = TCP, 17 = UDP. */
  protocol: number;
  /** Port on our side. */
  internalPort: number;
  /** Suggested or granted; port 0 and an all-zero address (::ffff:0.0.0.0 for IPv4) leave the choice to the gateway. */
  external: Endpoint;
}

/** An answer of a gateway. */
export interface PcpResponse {
  /** To which request. */
  opcode: "announce" | "map";
  /** 0 = success, else {@linkcode pcpResultWords}. */
  result: number;
  /** Seconds that the mapping, or the error, will last. */
  lifetimeS: number;
  /** Seconds since the gateway lost or made its state. */
  epochS: number;
  /** Absent in answers to ANNOUNCE and in errors of gateways that cut the request off. */
  mapping: PcpMapping | null;
}

/** Asks whether a PCP server is there and for its epoch (RFC 6887 section 14.1). `client` is our 16-byte address. */
export function encodePcpAnnounce(client: Uint8Array): Uint8Array<ArrayBuffer> {
  return header(OPCODE.announce, 0, client).finish();
}

/** Asks for a mapping; `lifetimeS` 0 deletes it (RFC 6887 section 11.1). `client` is our 16-byte address. */
export function encodePcpMap(client: Uint8Array, lifetimeS: number, mapping: PcpMapping): Uint8Array<ArrayBuffer> {
  return header(OPCODE.map, lifetimeS, client)
    .bytes(mapping.nonce).u8(mapping.protocol).bytes(new Uint8Array(3))
    .u16(mapping.internalPort).u16(mapping.external.port).bytes(mapping.external.address)
    .finish();
}

function header(opcode: number, lifetimeS: number, client: Uint8Array): ByteWriter {
  return new ByteWriter().u8(VERSION).u8(opcode).u16(0).u32(lifetimeS).bytes(client);
}

/**
 * Reads an answer. One in another version carries no more than that: it is how a gateway says that it does not speak this
 * one (RFC 6887 section 9), and how NAT-PMP gateways answer (RFC 6886 section 3.5).
 * @throws {ProtocolError}
 */
export function decodePcpResponse(bytes: Uint8Array): PcpResponse {
  if (bytes.length > MAX_MESSAGE_LENGTH) throw new ProtocolError(`PCP message of ${bytes.length} bytes`);
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  const operation = reader.u8();
  if ((operation & RESPONSE_BIT) === 0) throw new ProtocolError("PCP request where an answer was expected");
  const opcode = opcodeName(operation & ~RESPONSE_BIT);
  if (version !== VERSION) {
    const result = reader.u16();
    if (result !== PCP_RESULT.unsupportedVersion) throw new ProtocolError(`PCP version ${version}`);
    return { opcode, result, lifetimeS: 0, epochS: 0, mapping: null };
  }
  if (bytes.length < HEADER_LENGTH || bytes.length % 4 !== 0) {
    throw new ProtocolError(`PCP message of ${bytes.length} bytes`);
  }
  reader.u8();
  const result = reader.u8();
  const lifetimeS = reader.u32();
  const epochS = reader.u32();
  reader.bytes(12);
  const isCutOff = result !== PCP_RESULT.success && reader.remaining === 0;
  const mapping = opcode === "announce" || isCutOff ? null : readMapping(reader);
  return { opcode, result, lifetimeS, epochS, mapping };
}

function opcodeName(opcode: number): "announce" | "map" {
  if (opcode === OPCODE.announce) return "announce";
  if (opcode === OPCODE.map) return "map";
  throw new ProtocolError(`PCP opcode ${opcode} was not asked for`);
}

function readMapping(reader: ByteReader): PcpMapping {
  const nonce = reader.bytes(PCP_NONCE_LENGTH);
  const protocol = reader.u8();
  reader.bytes(3);
  const internalPort = reader.u16();
  const port = reader.u16();
  return { nonce, protocol, internalPort, external: { address: reader.bytes(16), port } };
}

/** RFC 6887 section 7.4 in words. */
export function pcpResultWords(result: number): string {
  return RESULT_WORDS[result] ?? `result code ${result}`;
}
