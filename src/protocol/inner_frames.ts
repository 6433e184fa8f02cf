/**
 * Frames inside a tunnel (PROTOCOL.md section 9.3): the plaintext of a protected datagram.
 *
 *     type u8 | body
 *
 *     0x01 PACKET                    one IPv4 or IPv6 packet
 *     0x02 PACKET, PARTIAL CHECKSUM  the same, its TCP or UDP checksum holding only the folded pseudo-header sum
 *     0x03 KEEPALIVE                 empty
 *     0x04 PROBE                     probeId u64 | padding
 *     0x05 PROBE ANSWER              probeId u64 | endpoint
 *     0x06 MTU PROBE                 probeId u64 | padding
 *     0x07 MTU ANSWER                probeId u64 | length u16
 *     0x08 REKEY WANTED              empty
 *     0x09 CLOSE                     reason u8
 *     0x0a CONFIRM                   mac 20
 *     0x0b CHAT                      messageId 16 | networkId u32 | sentAt u64 | text message
 *     0x0c CHAT ACK                  messageId 16
 *     0x0d ENDPOINTS                 short list of candidate
 *     0x0e NAT                       mapping u8 | filtering u8 | searching flag | endpoint | step u16 | low u16 | high u16
 *     0x20 ETHERNET                  one Ethernet frame
 *
 * @module
 */

import { ByteReader } from "../base/bytes.ts";
import { CLASSIC_LENGTH, MAX_COUNT, MAX_TEXT_LENGTH } from "./constants.ts";
import { bytes, endpoint, flag, lax, rest, shortList, strict, text, u16, u32, u64, u8 } from "./fields.ts";
import { candidate } from "./records.ts";

/** Types of inner frames. Unknown ones are ignored; 0x10 to 0x1f are reserved for files. */
export const INNER_FRAME = {
  packet: 0x01,
  partialChecksumPacket: 0x02,
  keepalive: 0x03,
  probe: 0x04,
  probeAnswer: 0x05,
  mtuProbe: 0x06,
  mtuAnswer: 0x07,
  rekeyWanted: 0x08,
  close: 0x09,
  confirm: 0x0a,
  chat: 0x0b,
  chatAck: 0x0c,
  endpoints: 0x0d,
  nat: 0x0e,
  ethernet: 0x20,
} as const;

/** Bodies of inner frames, by the names of {@linkcode INNER_FRAME}; those of packets are the packets themselves. */
export const innerFrames = {
  keepalive: lax({}),
  probe: lax({ probeId: u64, padding: rest }),
  /** `endpoint` is the source of the probe as its receiver saw it. */
  probeAnswer: lax({ probeId: u64, endpoint }),
  mtuProbe: lax({ probeId: u64, padding: rest }),
  /** `length` is that of the UDP payload that arrived. */
  mtuAnswer: lax({ probeId: u64, length: u16 }),
  rekeyWanted: lax({}),
  /** `reason`: see {@linkcode CLOSE}. */
  close: lax({ reason: u8 }),
  /** Of the exchange, hence of exact length. */
  confirm: strict({ mac: bytes(CLASSIC_LENGTH.confirmMac) }, 20),
  /** `networkId` 0 = to the receiver alone. */
  chat: lax({ messageId: bytes(16), networkId: u32, sentAt: u64, message: text(MAX_TEXT_LENGTH.message) }),
  chatAck: lax({ messageId: bytes(16) }),
  endpoints: lax({ candidates: shortList(candidate, { max: MAX_COUNT.candidates }) }),
  /**
   * How the sender's NAT behaves: `mapping` and `filtering` see {@linkcode NAT_BEHAVIOUR}. While `searching` the rest tells of
   * the ports it gives: `endpoint` is the last one that the server saw, `step` what is added to it for the next as two's
   * complement, 0 = no constant; `low` and `high` are the lowest and the highest that were seen.
   */
  nat: lax({ mapping: u8, filtering: u8, searching: flag, endpoint, step: u16, low: u16, high: u16 }),
};

/** Values of `mapping` and `filtering` (RFC 4787); others count as unknown. */
export const NAT_BEHAVIOUR = {
  unknown: 0,
  endpointIndependent: 1,
  addressDependent: 2,
  addressAndPortDependent: 3,
} as const;

/** Reasons of CLOSE. */
export const CLOSE = { leaving: 1, noCommonNetwork: 2, blocked: 3 } as const;

/** One frame, taken apart no further. */
export interface InnerFrame {
  /** See {@linkcode INNER_FRAME}; others may be added. */
  type: number;
  /** Everything after the type. */
  body: Uint8Array;
}

/** The plaintext of a protected datagram. */
export function encodeInnerFrame(type: number, body: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(1 + body.length);
  frame[0] = type;
  frame.set(body, 1);
  return frame;
}

/** Reads the plaintext of a protected datagram. @throws {ProtocolError} when it is empty */
export function decodeInnerFrame(plaintext: Uint8Array): InnerFrame {
  const reader = new ByteReader(plaintext);
  return { type: reader.u8(), body: reader.rest() };
}
