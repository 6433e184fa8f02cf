/**
 * Which way a message takes next to one receiver: through the tunnel where there is one, else through the server.
 *
 * @module
 */

/** What that depends on. Times are monotonic ms. */
export interface DeliveryFacts {
  /** Now. */
  now: number;
  /** Since when this message is the next one for this receiver. */
  since: number;
  /** Inbound SPI of the tunnel to the receiver, null = there is none with a path. */
  tunnel: number | null;
  /** The tunnel through which no answer came; another one is worth a try. */
  gaveUpOn: number | null;
  /** Whether the server's word is of now, and requests reach it. */
  isLoggedIn: boolean;
  /** Whether the receiver is a member of a common network. */
  isKnown: boolean;
  /** Whether the server says the receiver is online in one. */
  isOnline: boolean;
  /** When the server may be asked again. */
  askServerAt: number;
}

/** What to do. */
export type DeliveryStep =
  | { do: "tunnel"; localSpi: number }
  | { do: "server" }
  | { do: "giveUp" }
  | { do: "wait"; untilMs: number };

/** A tunnel to somebody who is online is waited for so long; the server takes it after that. */
const TUNNEL_PATIENCE_MS = 3_000;

/** Decides. `untilMs` Infinity = until something changes. */
export function decideDelivery(facts: DeliveryFacts): DeliveryStep {
  const { now, since, tunnel, gaveUpOn, isLoggedIn, isKnown, isOnline, askServerAt } = facts;
  if (tunnel !== null && tunnel !== gaveUpOn) return { do: "tunnel", localSpi: tunnel };
  if (!isLoggedIn) return { do: "wait", untilMs: Infinity };
  if (!isKnown) return { do: "giveUp" };
  const isTunnelExpected = isOnline && tunnel === null;
  const serverAt = Math.max(askServerAt, isTunnelExpected ? since + TUNNEL_PATIENCE_MS : now);
  return now >= serverAt ? { do: "server" } : { do: "wait", untilMs: serverAt };
}

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 600_000;

/** How long the server is left alone after it refused or did not answer `failures` times in a row. */
export function serverPauseMs(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, failures - 1));
}
