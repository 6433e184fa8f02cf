/**
 * The datagrams of a peer exchange as one union, with the suite and the role each is for.
 *
 * @module
 */

import { ProtocolError } from "../base/errors.ts";
import {
  type ClassicConfirm,
  classicExchange,
  type ClassicKe1,
  type ClassicKe2,
  type ClassicKe3,
  type Cookie,
  DATAGRAM,
  datagramType,
  modernExchange,
  type ModernKe1a,
  type ModernKe1b,
  type ModernKe2a,
  type ModernKe2b,
  type ModernKe3,
  SUITE,
  type SuiteId,
} from "../protocol/mod.ts";

/** Any datagram of an exchange; `type` tells which. */
export type ExchangeMessage =
  | { type: "cookie" } & Cookie
  | { type: "classicKe1" } & ClassicKe1
  | { type: "classicKe2" } & ClassicKe2
  | { type: "classicKe3" } & ClassicKe3
  | { type: "classicConfirm" } & ClassicConfirm
  | { type: "modernKe1a" } & ModernKe1a
  | { type: "modernKe1b" } & ModernKe1b
  | { type: "modernKe2a" } & ModernKe2a
  | { type: "modernKe2b" } & ModernKe2b
  | { type: "modernKe3" } & ModernKe3;

/** Reads a datagram of an exchange. @throws {ProtocolError} for anything else */
export function decodeExchange(bytes: Uint8Array): ExchangeMessage {
  switch (datagramType(bytes)) {
    case DATAGRAM.cookie:
      return { type: "cookie", ...classicExchange.cookie.decode(bytes) };
    case DATAGRAM.classicKe1:
      return { type: "classicKe1", ...classicExchange.ke1.decode(bytes) };
    case DATAGRAM.classicKe2:
      return { type: "classicKe2", ...classicExchange.ke2.decode(bytes) };
    case DATAGRAM.classicKe3:
      return { type: "classicKe3", ...classicExchange.ke3.decode(bytes) };
    case DATAGRAM.classicConfirm:
      return { type: "classicConfirm", ...classicExchange.confirm.decode(bytes) };
    case DATAGRAM.modernKe1a:
      return { type: "modernKe1a", ...modernExchange.ke1a.decode(bytes) };
    case DATAGRAM.modernKe1b:
      return { type: "modernKe1b", ...modernExchange.ke1b.decode(bytes) };
    case DATAGRAM.modernKe2a:
      return { type: "modernKe2a", ...modernExchange.ke2a.decode(bytes) };
    case DATAGRAM.modernKe2b:
      return { type: "modernKe2b", ...modernExchange.ke2b.decode(bytes) };
    case DATAGRAM.modernKe3:
      return { type: "modernKe3", ...modernExchange.ke3.decode(bytes) };
    default:
      throw new ProtocolError("datagram is not one of an exchange");
  }
}

/** The suite a message belongs to; null = both. */
export function suiteOf({ type }: ExchangeMessage): SuiteId | null {
  if (type === "cookie") return null;
  return type.startsWith("classic") ? SUITE.classic : SUITE.modern;
}

const FOR_RESPONDERS: readonly ExchangeMessage["type"][] = [
  "classicKe1",
  "classicKe3",
  "modernKe1a",
  "modernKe1b",
  "modernKe3",
];

/** Whether a message goes from the initiator to the responder. */
export function isForResponder({ type }: ExchangeMessage): boolean {
  return FOR_RESPONDERS.includes(type);
}
