/**
 * When two ends look for a port through a NAT that gives each destination another one, and which of them does what.
 *
 * The end behind such a NAT (the hard one) opens many sockets and sends from each to the other end (the easy one), whose
 * endpoint is the same for everybody. The easy end sends to the ports that the hard one's NAT may have given. As soon as one
 * of them is right, both NATs let the datagrams pass.
 *
 * @module
 */
import type { NatVerdict } from "./discovery.ts";

/** What counts of a NAT here. Each end knows its own from its own observations, and the other's from that end's word alone. */
export type NatBehaviours = Pick<NatVerdict, "mapping" | "filtering">;

/** What an end does in a search. */
export type SearchRole = "openSockets" | "guessPorts";

/** How long a search takes at most. */
export const SEARCH_MS = 20_000;

/** Sockets of a search among all ports: with 2,000 guesses it fails once in 2,000 times. */
export const SEARCH_SOCKETS = 256;

/** Sockets where the ports can be foretold. */
export const NARROW_SEARCH_SOCKETS = 8;

/** Guesses in a search: 100 a second are more than no router's table of connections can take. */
export const MAX_GUESSES = 2_000;

const MINUTE_MS = 60_000;
const FIRST_PAUSE_MS = 10 * MINUTE_MS;
const LONGEST_PAUSE_MS = 6 * 60 * MINUTE_MS;

/** What this end can do towards the other; null = a search is of no use, or is not needed. */
export function searchRole(local: NatBehaviours, remote: NatBehaviours): SearchRole | null {
  if (isHard(local) && isEasy(remote) && isClosed(remote)) return "openSockets";
  if (isHard(remote) && isEasy(local) && isClosed(local)) return "guessPorts";
  // Two easy ends find each other by their endpoints; of two hard ones neither knows where to send to.
  return null;
}

/** When the next search may begin. `failures`: searches in a row that found nothing; 0 = the last one did. */
export function searchAgainAt(endedAt: number, failures: number): number {
  if (failures === 0) return endedAt + MINUTE_MS;
  return endedAt + Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
}

function isHard({ mapping }: NatBehaviours): boolean {
  return mapping === "addressDependent" || mapping === "addressAndPortDependent";
}

function isEasy({ mapping }: NatBehaviours): boolean {
  return mapping === "endpointIndependent";
}

/** Whoever lets in what comes from another port of a known address needs no search: the hard end's first datagram arrives. */
function isClosed({ filtering }: NatBehaviours): boolean {
  return filtering === null || filtering === "addressAndPortDependent";
}
