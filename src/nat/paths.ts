/**
 * Which way the packets of one tunnel take (PROTOCOL.md section 11).
 *
 * A {@linkcode PathBook} is told what happens and says what to do. It owns no socket and no clock: whoever owns it calls
 * {@linkcode PathBook.step} for every event, with `{ on: "tick" }` at {@linkcode PathBook.nextWakeAt}, and carries the effects out.
 *
 *     candidate ──round of probes──▶ valid ──best of all──▶ in use
 *         ▲                           │  ▲                    │ a probe unanswered: suspect, probed faster
 *         └────────── dead ◀──────────┘  └──── better one ────┤
 *                       ▲                                     │
 *                       └────────── 1.5 s without an answer ──┘
 *
 * @module
 */

import { type Endpoint, endpointKey, equalEndpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { Path, type PathKind, type PathTransport } from "./path.ts";
import { SAFE_KEEPALIVE_MS } from "./keepalive.ts";
import { LossWatch } from "./path_loss.ts";
import { isBetter } from "./path_order.ts";

/** How often the path in use is probed while packets flow. */
export const ACTIVE_PROBE_MS = 500;

/** How often it is probed once an answer is late: then a lossy link is told from a dead one. */
export const SUSPECT_PROBE_MS = 100;

/** How long after its last packet a tunnel counts as active. */
export const ACTIVE_AFTER_TRAFFIC_MS = 10_000;

/** How often a valid path that is not in use is probed, so that it can take over. */
export const STANDBY_PROBE_MS = 20_000;

/** How often candidates are tried again while no direct path works. */
export const ROUND_EVERY_MS = 20_000;

/** When a round probes a candidate, in ms after its start: a burst, then growing by half, for 5 s. */
export const ROUND_OFFSETS_MS: readonly number[] = roundOffsets();

/** Endpoints kept that nobody told but datagrams came from. */
export const MAX_SEEN = 4;

/** For so long after a change of an own address a direct path that is silent is given up sooner. */
const MOVING_MS = 5_000;

/** A round older than this begins anew when its path is heard. */
const STALE_ROUND_MS = 500;

/** A tick later than this means that the process slept: it cannot blame the paths for what it did not hear. */
const OVERSLEPT_MS = 1000;

/** Something that happened to a tunnel. */
export type PathEvent =
  /** The peer's own endpoints as now known; replaces those told before. */
  | { on: "candidates"; candidates: readonly { kind: PathKind; endpoint: Endpoint }[] }
  /** A datagram came from an endpoint that is not the path's: KE1, PUNCH (a hint), or an authentic one (`roamed`). */
  | { on: "seen"; endpoint: Endpoint; isAuthentic: boolean }
  /** A relay forwards for us from now on. `transport` by which it is reached: UDP unless told otherwise. */
  | { on: "relayBound"; endpoint: Endpoint; transport?: PathTransport }
  /** A relay does so no longer. */
  | { on: "relayLost"; endpoint: Endpoint }
  /** The tunnel has keys: probes take the place of PUNCH. */
  | { on: "keysInstalled" }
  /** The server lets both ends begin together, `inMs` from now. */
  | { on: "punchStart"; inMs: number }
  /** An address of our own came, went or changed. */
  | { on: "ownAddressChanged" }
  /** The data plane got the answer to a probe, from where it was sent. */
  | { on: "probeAnswered"; endpoint: Endpoint; probeId: bigint; rttMs: number }
  /** A path carries datagrams of less than `BASE_LENGTH` bytes (mtu.ts), or does so no longer. */
  | { on: "narrow"; endpoint: Endpoint; isNarrow: boolean }
  /** Our NAT needs a keepalive this often, in ms. */
  | { on: "keepaliveWanted"; everyMs: number }
  /** Packets were sent or received since the last time. */
  | { on: "traffic" }
  /** The time of `nextWakeAt` has come. */
  | { on: "tick" };

/** Something to be done. */
export type PathEffect =
  /** Send a PROBE frame. */
  | { do: "probe"; endpoint: Endpoint; probeId: bigint }
  /** Send a PUNCH datagram: there are no keys yet. */
  | { do: "punch"; endpoint: Endpoint }
  /** Send packets there from now on; null = hold them, nothing works. */
  | { do: "use"; endpoint: Endpoint | null; kind: PathKind | null }
  /** Send PUNCH REQUEST to the server, so that the peer begins its round as well. */
  | { do: "askForPunch" };

/** What a status line shows of a path. */
export interface PathView {
  /** The peer's endpoint or the relay's. */
  endpoint: Endpoint;
  /** Where it comes from. */
  kind: PathKind;
  /** What carries its datagrams. */
  transport: PathTransport;
  /** Whether a probe was answered and it has not died since. */
  isValid: boolean;
  /** Whether packets go there. */
  isInUse: boolean;
  /** Smoothed round trip; null = not measured. */
  rttMs: number | null;
  /** Share of the last 20 probes without an answer, 0 to 1. */
  loss: number;
  /** Probes sent so far. */
  probesSent: number;
  /** Those of them that were answered. */
  probesAnswered: number;
}

/** The paths of one tunnel. Never throws; events that make no sense (an answer to no probe of ours) change nothing. */
export class PathBook {
  readonly #random: Random;
  readonly #paths = new Map<string, Path>();
  #told = new Set<string>();
  readonly #loss = new LossWatch();
  #keepaliveMs = SAFE_KEEPALIVE_MS;
  #movedAt = -Infinity;
  #inUse: Path | null = null;
  #hasKeys = false;
  #trafficAt = -Infinity;
  #roundAt: number | null = null;
  #now = 0;
  #effects: PathEffect[] = [];

  /** `random` draws probe ids. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** The path in use, or null. */
  get current(): PathView | null {
    return this.#inUse === null ? null : this.#view(this.#inUse);
  }

  /** All paths, for a status display. */
  views(): PathView[] {
    return [...this.#paths.values()].map((path) => this.#view(path));
  }

  /** When to send a tick, in the time of `step`; null = not before another event. */
  nextWakeAt(): number | null {
    const times: number[] = [];
    if (this.#roundAt !== null) times.push(this.#roundAt);
    for (const path of this.#paths.values()) {
      if (path.probeAt !== null) times.push(path.probeAt);
    }
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Takes an event at monotonic time `now` in ms and says what to do, in that order. */
  step(event: PathEvent, now: number): PathEffect[] {
    const wakeAt = this.nextWakeAt();
    this.#now = now;
    this.#effects = [];
    if (wakeAt !== null && now > wakeAt + OVERSLEPT_MS) this.#wakeUp();
    this.#take(event);
    this.#buryDead();
    this.#judgeLoss();
    this.#choose();
    this.#planRound();
    for (const path of this.#paths.values()) this.#probeIfDue(path);
    return this.#effects;
  }

  #take(event: PathEvent): void {
    switch (event.on) {
      case "candidates":
        return this.#replaceTold(event.candidates);
      case "seen":
        return this.#see(event.endpoint, event.isAuthentic);
      case "relayBound":
        return this.#addRelay(event.endpoint, event.transport ?? "udp");
      case "relayLost":
        return this.#remove(endpointKey(event.endpoint));
      case "keysInstalled":
        this.#hasKeys = true;
        return this.#startRounds(this.#now);
      case "punchStart":
        // The peer begins now as well: its round and ours need no second one soon.
        this.#roundAt = this.#now + ROUND_EVERY_MS;
        return this.#startRounds(this.#now + event.inMs);
      case "ownAddressChanged":
        this.#movedAt = this.#now;
        return this.#recheck();
      case "probeAnswered":
        return this.#answer(event.endpoint, event.probeId, event.rttMs);
      case "keepaliveWanted":
        return this.#setKeepalive(event.everyMs);
      case "narrow":
        return this.#noteNarrow(event.endpoint, event.isNarrow);
      case "traffic":
        return this.#noteTraffic();
      case "tick":
        return;
    }
  }

  #addRelay(endpoint: Endpoint, transport: PathTransport): void {
    const path = this.#add(endpoint, "relay");
    // The peer's datagrams may have come through it before: then it was taken for a place where the peer is.
    if (path.kind !== "relay" && path === this.#inUse) this.#inUse = null;
    path.kind = "relay";
    path.transport = transport;
    this.#startRound(path, this.#now);
  }

  #replaceTold(candidates: readonly { kind: PathKind; endpoint: Endpoint }[]): void {
    this.#told = new Set(candidates.map(({ endpoint }) => endpointKey(endpoint)));
    for (const [key, path] of this.#paths) {
      const isPeersOwn = path.kind !== "relay" && path.kind !== "seen";
      if (isPeersOwn && !this.#told.has(key) && !path.isValid) this.#remove(key);
    }
    for (const { kind, endpoint } of candidates) {
      if (!this.#paths.has(endpointKey(endpoint))) this.#startRound(this.#add(endpoint, kind), this.#now);
    }
  }

  /** Hints are few and never push out what an authentic message or the server said. */
  #see(endpoint: Endpoint, isAuthentic: boolean): void {
    const known = this.#paths.get(endpointKey(endpoint));
    if (known !== undefined) {
      if (isAuthentic) known.heardAt = this.#now;
      // It is heard, so it may be open now; a round that has come far would wait a second for its next probe.
      const isStale = known.round === null || this.#now - known.round.startAt >= STALE_ROUND_MS;
      if (isAuthentic && !known.isValid && isStale) this.#startRound(known, this.#now);
      return;
    }
    const hints = [...this.#paths].filter(([, path]) => path.kind === "seen" && !path.isValid);
    if (hints.length >= MAX_SEEN) {
      if (!isAuthentic) return;
      this.#remove(hints[0]![0]);
    }
    this.#startRound(this.#add(endpoint, "seen"), this.#now);
  }

  #answer(endpoint: Endpoint, probeId: bigint, rttMs: number): void {
    const path = this.#paths.get(endpointKey(endpoint));
    if (path === undefined || !path.answered(probeId, rttMs, this.#now)) return;
    path.round = null;
    this.#scheduleNext(path);
  }

  #setKeepalive(everyMs: number): void {
    this.#keepaliveMs = everyMs;
    for (const path of this.#paths.values()) if (path.isValid) this.#scheduleNext(path);
  }

  #noteNarrow(endpoint: Endpoint, isNarrow: boolean): void {
    const path = this.#paths.get(endpointKey(endpoint));
    if (path !== undefined) path.isNarrow = isNarrow;
  }

  #noteTraffic(): void {
    const wasActive = this.#isActive();
    this.#trafficAt = this.#now;
    if (!wasActive && this.#inUse !== null) this.#inUse.probeAt = this.#now;
  }

  #wakeUp(): void {
    for (const path of this.#paths.values()) path.forgive();
    this.#recheck();
  }

  /** Whatever was valid may be gone, and whatever was closed may be open. */
  #recheck(): void {
    this.#roundAt = this.#now;
    for (const path of this.#paths.values()) {
      if (path.isValid) path.probeAt = this.#now;
      else this.#startRound(path, this.#now);
    }
  }

  #startRounds(at: number): void {
    for (const path of this.#paths.values()) {
      if (!path.isValid) this.#startRound(path, at);
    }
  }

  #startRound(path: Path, at: number): void {
    path.round = { startAt: at, step: 0 };
    path.probeAt = at + ROUND_OFFSETS_MS[0]!;
  }

  /** A dead path that nobody told goes; the others wait for the next round. */
  #buryDead(): void {
    for (const [key, path] of this.#paths) {
      if (!path.isValid || !path.isDead(this.#now)) continue;
      path.died();
      if (path.kind === "relay") this.#startRound(path, this.#now);
      else if (!this.#told.has(key)) this.#remove(key);
    }
  }

  /** Loss says something only while the path in use is probed often. */
  #judgeLoss(): void {
    if (this.#inUse?.isValid !== true || !this.#isActive()) return;
    if (!this.#loss.judge([...this.#paths.values()], this.#inUse, this.#now)) return;
    for (const path of this.#paths.values()) if (path.isValid) path.probeAt = this.#now;
  }

  /** Packets move to a better path, and away from one that is no longer valid. */
  #choose(): void {
    const old = this.#inUse;
    let best = old?.isValid ? old : null;
    for (const path of this.#paths.values()) {
      if (path.isValid && (best === null || isBetter(path, best) || this.#isSuccessor(path, best))) best = path;
    }
    if (best === old) return;
    this.#inUse = best;
    this.#effects.push({ do: "use", endpoint: best?.endpoint ?? null, kind: best?.kind ?? null });
    if (best !== null) this.#scheduleNext(best);
    if (old !== null && old.isValid) this.#scheduleNext(old);
    // The path was lost: what is left to try is tried now, not in 20 s.
    if (old !== null && !old.isValid) this.#roundAt = this.#now;
  }

  /**
   * Where the peer, or we, moved to another address: the new path answers and the old one does not, though it is not dead
   * yet. From direct to relayed only where one of us is known to have moved: there the peer sends from it, or we have.
   */
  #isSuccessor(path: Path, best: Path): boolean {
    if (!path.hasOutlived(best)) return false;
    const isSameKind = (path.kind === "relay") === (best.kind === "relay");
    return isSameKind || path.heardAt >= best.unansweredSince! || this.#now - this.#movedAt < MOVING_MS;
  }

  /** Without a direct path the candidates are tried again and again. */
  #planRound(): void {
    const isDirect = this.#inUse !== null && this.#inUse.kind !== "relay";
    if (isDirect || !this.#hasKeys) {
      this.#roundAt = null;
      return;
    }
    this.#roundAt ??= this.#now + ROUND_EVERY_MS;
    if (this.#now < this.#roundAt) return;
    this.#roundAt = this.#now + ROUND_EVERY_MS;
    this.#startRounds(this.#now);
    this.#effects.push({ do: "askForPunch" });
  }

  #probeIfDue(path: Path): void {
    if (path.probeAt === null || this.#now < path.probeAt) return;
    if (this.#hasKeys) this.#probe(path);
    // A relay's own endpoint needs no punching.
    else if (path.kind !== "relay") this.#effects.push({ do: "punch", endpoint: path.endpoint });
    if (path.round !== null) path.round.step++;
    this.#scheduleNext(path);
    if (path === this.#inUse && path.isSuspect(this.#now)) this.#probeStandbys(path.unansweredSince!);
  }

  #probe(path: Path): void {
    const probeId = this.#random.bytes(8).reduce((id, byte) => (id << 8n) | BigInt(byte), 0n);
    path.probed(probeId, this.#now);
    this.#effects.push({ do: "probe", endpoint: path.endpoint, probeId });
  }

  /** Asks those that would take over whether they can, once per suspicion. */
  #probeStandbys(suspectSince: number): void {
    for (const path of this.#paths.values()) {
      if (path === this.#inUse || !path.isValid || path.probedAt! >= suspectSince) continue;
      this.#probe(path);
      this.#scheduleNext(path);
    }
  }

  #scheduleNext(path: Path): void {
    if (path.isValid) {
      path.round = null;
      path.probeAt = Math.max(this.#now, this.#nextProbeOfValid(path));
      return;
    }
    const offset = path.round === null ? undefined : ROUND_OFFSETS_MS[path.round.step];
    if (path.round !== null && offset !== undefined) {
      path.probeAt = path.round.startAt + offset;
      return;
    }
    path.round = path.probeAt = null;
    if (path.kind === "seen") this.#remove(endpointKey(path.endpoint));
  }

  #nextProbeOfValid(path: Path): number {
    const probedAt = path.probedAt ?? this.#now;
    if (path.isSuspect(this.#now)) return probedAt + SUSPECT_PROBE_MS;
    const regular = probedAt + this.#interval(path);
    const since = path.unansweredSince;
    return since === null ? regular : Math.min(regular, since + path.suspectAfterMs);
  }

  #interval(path: Path): number {
    const closer = this.#isActive() ? this.#loss.intervalMs(path, this.#inUse, this.#now) : null;
    if (closer !== null) return closer;
    if (path !== this.#inUse) return Math.min(STANDBY_PROBE_MS, this.#keepaliveMs);
    return this.#isActive() ? ACTIVE_PROBE_MS : this.#keepaliveMs;
  }

  #isActive(): boolean {
    return this.#now - this.#trafficAt < ACTIVE_AFTER_TRAFFIC_MS;
  }

  #add(endpoint: Endpoint, kind: PathKind): Path {
    const key = endpointKey(endpoint);
    const path = this.#paths.get(key) ?? new Path(endpoint, kind);
    this.#paths.set(key, path);
    return path;
  }

  /** The path in use is noticed by `#choose`, which runs after every event. */
  #remove(key: string): void {
    const path = this.#paths.get(key);
    if (path === undefined) return;
    path.died();
    this.#paths.delete(key);
  }

  #view(path: Path): PathView {
    const { endpoint, kind, transport, isValid, rttMs, loss, probesSent, probesAnswered } = path;
    const isInUse = this.#inUse !== null && equalEndpoint(this.#inUse.endpoint, endpoint);
    return { endpoint, kind, transport, isValid, isInUse, rttMs, loss, probesSent, probesAnswered };
  }
}

function roundOffsets(): number[] {
  const offsets = [0, 50, 100];
  for (let gap = 250, at = 350; at <= 5000; gap *= 1.5, at += gap) offsets.push(Math.round(at));
  return offsets;
}
