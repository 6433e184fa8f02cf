/**
 * Discovery of the endpoint that the outside sees (PROTOCOL.md section 11).
 *
 *     DISCOVER    0 u32 | 0x01 | sessionId 8 | counter u64 | flags u8 | zeros 26 | mac 16       64 bytes
 *     DISCOVERED  0 u32 | 0x02 | counter u64 | endpoint | socket u8 | mac 16                    48 bytes
 *     TEST        0 u32 | 0x03 | sessionId 8 | counter u64 | endpoint | zeros 9 | mac 16        64 bytes
 *
 * @module
 */

import { SHORT_MAC_LENGTH } from "./constants.ts";
import { DATAGRAM, datagramHeader } from "./datagrams.ts";
import { bytes, endpoint, type MessageOf, strict, u64, u8, zeros } from "./fields.ts";

const mac = bytes(SHORT_MAC_LENGTH);

/** The three messages. Their macs cover all that stands before: see {@linkcode encodeWithMac}. */
export const discovery = {
  /** Client to server. `flags`: see {@linkcode DISCOVER_FLAG}. */
  discover: strict({
    ...datagramHeader(DATAGRAM.discover),
    sessionId: bytes(8),
    counter: u64,
    flags: u8,
    padding: zeros(26),
    mac,
  }, 64),
  /** Server to client. `socket`: see {@linkcode DISCOVERY_SOCKET}. */
  discovered: strict({ ...datagramHeader(DATAGRAM.discovered), counter: u64, endpoint, socket: u8, mac }, 48),
  /** Client to server: whether something from a socket that it never sent to arrives at `endpoint`. */
  test: strict({
    ...datagramHeader(DATAGRAM.discoveryTest),
    sessionId: bytes(8),
    counter: u64,
    endpoint,
    padding: zeros(9),
    mac,
  }, 64),
};

/**
 * Bits of DISCOVER's flags. `aside`: it comes from another socket than that of the tunnels, and is to be forgotten when it is
 * answered.
 */
export const DISCOVER_FLAG = { answerFromOtherSocket: 1 << 0, answerFromOtherAddress: 1 << 1, aside: 1 << 2 } as const;

/** The socket from which DISCOVERED came. */
export const DISCOVERY_SOCKET = { udpPort: 1, udp2Port: 2, tester: 3, otherAddress: 4 } as const;

/** DISCOVER. */
export type Discover = MessageOf<typeof discovery.discover>;
/** TEST. */
export type DiscoveryTest = MessageOf<typeof discovery.test>;
/** DISCOVERED. */
export type Discovered = MessageOf<typeof discovery.discovered>;
