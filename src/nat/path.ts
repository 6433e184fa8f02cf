/**
 * One path of a tunnel: what its probes say about it.
 *
 * @module
 */

import type { Endpoint } from "../base/ip.ts";

/** Where an endpoint comes from. `relay` is a relay's; the others are the peer's own (PROTOCOL.md section 6.2). */
export type PathKind = "local" | "ipv6" | "mapped" | "observed" | "seen" | "predicted" | "relay";

/** What carries a path's datagrams: only a relay's may be a stream, which is slower and may stall. */
export type PathTransport = "udp" | "tcp" | "tls";

/** A path without an answer for this long, to three probes or more, is dead. */
export const DEAD_AFTER_MS = 1500;

/** Fewest unanswered probes of a dead path. */
export const DEAD_AFTER_PROBES = 3;

/** Weight of a new round trip in the smoothed one, as in RFC 6298. */
const RTT_WEIGHT = 1 / 8;

/** How many of the last probes make up the loss that people are shown. */
const LOSS_WINDOW = 20;

/** How many are remembered, to judge the loss over a time. */
const MAX_OUTCOMES = 128;

/** Probes kept while they may still be answered; older ones count as lost. */
const MAX_OUTSTANDING = 32;

interface Probe {
  id: bigint;
  sentAt: number;
}

/** A remote endpoint with its probes. Times are monotonic milliseconds. */
export class Path {
  /** The peer's endpoint or the relay's. */
  readonly endpoint: Endpoint;
  /** The best of the kinds under which the endpoint was told. */
  kind: PathKind;
  /** See {@linkcode PathTransport}. */
  transport: PathTransport = "udp";
  /** Whether a probe was answered and the path has not died since. */
  isValid = false;
  /** Whether it carries too short datagrams to be used where there is another. */
  isNarrow = false;
  /** Whether it loses so much that another is used. */
  isDemoted = false;
  /** When the newest of the peer's datagrams came this way though another path was in use; -Infinity = never. */
  heardAt: number = -Infinity;
  /** When a probe is due; null = not probed. */
  probeAt: number | null = null;
  /** Where in the schedule of a round it is; null = none runs. */
  round: { startAt: number; step: number } | null = null;
  /** Probes sent in its life. */
  probesSent = 0;
  /** Those of them that were answered. */
  probesAnswered = 0;
  #probedAt: number | null = null;
  #rttMs: number | null = null;
  #outcomes: { sentAt: number; isAnswered: boolean }[] = [];
  #answeredAt = -Infinity;
  #outstanding: Probe[] = [];

  /** A path of which nothing is known. */
  constructor(endpoint: Endpoint, kind: PathKind) {
    this.endpoint = endpoint;
    this.kind = kind;
  }

  /** Smoothed round trip; null = never measured. */
  get rttMs(): number | null {
    return this.#rttMs;
  }

  /** Share of the last 20 probes without an answer, 0 to 1. */
  get loss(): number {
    const last = this.#outcomes.slice(-LOSS_WINDOW);
    return last.length === 0 ? 0 : last.filter(({ isAnswered }) => !isAnswered).length / last.length;
  }

  /** How many of the probes sent from `since` on had an answer or will have none, and how many of them will have none. */
  recentLoss(since: number): { count: number; lost: number } {
    const recent = this.#outcomes.filter(({ sentAt }) => sentAt >= since);
    return { count: recent.length, lost: recent.filter(({ isAnswered }) => !isAnswered).length };
  }

  /** Whether it was answered while probes of another path, now in use, went unanswered again and again. */
  hasOutlived(other: Path): boolean {
    const { unansweredSince } = other;
    return other.#outstanding.length >= DEAD_AFTER_PROBES && unansweredSince !== null &&
      this.#answeredAt > unansweredSince;
  }

  /** Since when probes go unanswered; null = the last one was answered. */
  get unansweredSince(): number | null {
    return this.#outstanding[0]?.sentAt ?? null;
  }

  /** Whether the oldest open probe should have been answered by now. */
  isSuspect(now: number): boolean {
    const since = this.unansweredSince;
    return since !== null && now >= since + this.suspectAfterMs;
  }

  /** How long an answer may take before the path is suspect. */
  get suspectAfterMs(): number {
    return Math.max(200, 2 * (this.#rttMs ?? 0));
  }

  /** Whether the path must be given up. */
  isDead(now: number): boolean {
    const since = this.unansweredSince;
    return since !== null && this.#outstanding.length >= DEAD_AFTER_PROBES && now >= since + DEAD_AFTER_MS;
  }

  /** When it was last probed; null = never. */
  get probedAt(): number | null {
    return this.#probedAt;
  }

  /** Records a probe that is being sent. */
  probed(id: bigint, now: number): void {
    this.#probedAt = now;
    this.probesSent++;
    this.#outstanding.push({ id, sentAt: now });
    if (this.#outstanding.length > MAX_OUTSTANDING) this.#note(this.#outstanding.shift()!, false);
  }

  /** Takes an answer. False where no such probe is open: then nothing changes. */
  answered(id: bigint, rttMs: number, now: number): boolean {
    const index = this.#outstanding.findIndex((probe) => probe.id === id);
    if (index < 0) return false;
    const settled = this.#outstanding.splice(0, index + 1);
    // What a closed NAT swallowed before the path opened says nothing about its loss.
    if (this.isValid) { for (const probe of settled.slice(0, -1)) this.#note(probe, false); }
    this.#note(settled.at(-1)!, true);
    this.#answeredAt = now;
    this.probesAnswered++;
    this.#rttMs = this.#rttMs === null ? rttMs : this.#rttMs + (rttMs - this.#rttMs) * RTT_WEIGHT;
    this.isValid = true;
    return true;
  }

  /** Takes open probes as never sent: nobody was there to hear the answers. */
  forgive(): void {
    this.#outstanding = [];
  }

  /** Forgets what was measured: the path is to be found anew. */
  died(): void {
    this.isValid = false;
    this.isDemoted = false;
    this.probeAt = null;
    this.#rttMs = null;
    this.#outcomes = [];
    this.#outstanding = [];
  }

  #note({ sentAt }: Probe, isAnswered: boolean): void {
    this.#outcomes.push({ sentAt, isAnswered });
    if (this.#outcomes.length > MAX_OUTCOMES) this.#outcomes.shift();
  }
}
