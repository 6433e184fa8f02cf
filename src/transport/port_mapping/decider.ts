/**
 * What to ask of the gateway, when, by which protocol, and what of the outcome to believe.
 *
 * A {@linkcode MappingDecider} is told what happens and says what to do. It owns no socket and no clock: whoever owns it
 * calls {@linkcode MappingDecider.step} for every event, with `{ on: "tick" }` at {@linkcode MappingDecider.nextWakeAt}, and
 * carries the effects out.
 *
 *     unconnected ──gateway found──▶ probing ──the best that answers──▶ mapping ──granted──▶ holding ─┐ renewed, checked,
 *          ▲                          ▲   ▲                                │                  │   ▲   │ tested from outside
 *          └──── no gateway (any) ────┘   └──── refused: the next one ─────┴── lost, useless ─┘   └───┘
 *                                     ▲   │
 *                                     │   └──none is left──▶ waiting
 *                                     └──────── back-off ───────┘
 *
 * @module
 */
import { equalBytes } from "../../base/bytes.ts";
import { type Endpoint, equalEndpoint, formatIpv4, formatIpv6, ipv4Of } from "../../base/ip.ts";
import type { Random } from "../../base/random.ts";
import type { MappingEffect, MappingEvent, MappingWish, Outcome } from "./events.ts";
import { Holding } from "./holding.ts";
import { type Answers, type MappingStatus, noAnswers } from "./status.ts";
import { type Gateway, MAPPER_NAMES, type MapperName, type MappingGrant, type ProbeAnswer } from "./types.ts";

/** How long a better protocol is waited for when a lesser one has answered: one repetition and its round trip. */
export const GRACE_MS = 300;

/** When all is tried again after nothing worked: the first time, growing twofold … */
export const FIRST_WAIT_MS = 30_000;

/** … up to this. */
export const MAX_WAIT_MS = 30 * 60_000;

/** How often a gateway is looked for while there is none; a change of addresses comes before that. */
export const LOOK_AGAIN_MS = 60_000;

/** An announcement of the gateway is followed after up to this, so that a LAN full of us does not answer at once. */
const ANNOUNCEMENT_JITTER_MS = 1000;

type State =
  | { at: "unconnected"; until: number }
  | { at: "probing"; since: number }
  | { at: "mapping"; by: MapperName }
  | { at: "holding"; holding: Holding }
  | { at: "waiting"; until: number }
  | { at: "stopped" };

/** The life of one mapping. Never throws; events that make no sense in a state change nothing. */
export class MappingDecider {
  readonly #wish: MappingWish;
  readonly #random: Random;
  #gateway: Gateway | null = null;
  #state: State = { at: "unconnected", until: 0 };
  #answers: Answers = noAnswers();
  /** Rounds in a row that came to nothing. */
  #failedRounds = 0;
  #externalPort: number;
  #told: Endpoint | null = null;
  #tests = 0;
  #now = 0;
  #effects: MappingEffect[] = [];

  /** `random` spreads what many clients would do at once. */
  constructor(wish: MappingWish, random: Random) {
    this.#wish = wish;
    this.#random = random;
    this.#externalPort = wish.internalPort;
  }

  /** When to send a tick, in the time of `step`; null = not before another event. */
  nextWakeAt(): number | null {
    const state = this.#state;
    switch (state.at) {
      case "unconnected":
      case "waiting":
        return state.until;
      case "probing":
        return this.#isAnyPresent() ? state.since + GRACE_MS : null;
      case "holding":
        return state.holding.nextWakeAt();
      case "mapping":
      case "stopped":
        return null;
    }
  }

  /** What a status display shows, at monotonic time `now`. */
  status(now: number): MappingStatus {
    const state = this.#state;
    return {
      gateway: this.#gateway?.address ?? null,
      mapping: state.at === "holding" ? state.holding.view(now) : null,
      answers: this.#answers,
      failedRounds: this.#failedRounds,
      nextRoundInMs: state.at === "waiting" ? Math.max(0, state.until - now) : null,
    };
  }

  /** Takes an event at monotonic time `now` in ms and says what to do, in that order. */
  step(event: MappingEvent, now: number): MappingEffect[] {
    this.#now = now;
    this.#effects = [];
    if (this.#state.at !== "stopped") this.#take(event);
    return this.#effects;
  }

  #take(event: MappingEvent): void {
    switch (event.on) {
      case "gateway":
        return this.#useGateway(event.gateway);
      case "networkChanged":
        return this.#do({ do: "lookUpGateway" });
      case "probed":
        return this.#noteProbe(event.by, event.outcome);
      case "mapped":
        return this.#noteMapped(event.by, event.outcome);
      case "checked":
        return this.#noteChecked(event.by, event.outcome);
      case "verified":
        return this.#noteVerified(event.test, event.isReachable);
      case "announced":
        return this.#noteAnnounced();
      case "tick":
        return this.#wake();
      case "stop":
        return this.#stop();
    }
  }

  #useGateway(gateway: Gateway | null): void {
    if (this.#state.at === "unconnected") this.#state.until = this.#now + LOOK_AGAIN_MS;
    if (isSameGateway(gateway, this.#gateway)) return;
    this.#gateway = gateway;
    this.#tell(null);
    this.#answers = noAnswers();
    this.#failedRounds = 0;
    this.#do({ do: "use", gateway, names: this.#names() });
    if (gateway === null) this.#state = { at: "unconnected", until: this.#now + LOOK_AGAIN_MS };
    else this.#startRound();
  }

  /** NAT-PMP and UPnP-IGD map IPv4 only. */
  #names(): readonly MapperName[] {
    if (this.#gateway === null) return [];
    return ipv4Of({ address: this.#gateway.address, port: 0 }) === null ? ["pcp"] : MAPPER_NAMES;
  }

  #startRound(): void {
    this.#state = { at: "probing", since: this.#now };
    for (const by of this.#names()) {
      this.#answers[by] = { ...noAnswers()[by], answer: "asking" };
      this.#do({ do: "probe", by });
    }
  }

  #noteProbe(by: MapperName, outcome: Outcome<ProbeAnswer>): void {
    const answer = this.#answers[by];
    if (answer.answer !== "asking") return;
    if (outcome.ok) {
      const { externalAddress, model } = outcome.value;
      const address = externalAddress === null ? null : formatAddress(externalAddress);
      this.#answers[by] = { answer: "present", reason: null, externalAddress: address, model };
    } else {
      this.#answers[by] = { ...answer, answer: outcome.answer, reason: outcome.reason };
    }
    if (this.#state.at === "probing") this.#choose(this.#state.since);
  }

  #isAnyPresent(): boolean {
    return MAPPER_NAMES.some((name) => this.#answers[name].answer === "present");
  }

  /** Takes the best protocol that is there, or waits a little for a better one. */
  #choose(since: number): void {
    const isPatient = this.#now < since + GRACE_MS;
    let isAsking = false;
    for (const by of MAPPER_NAMES) {
      const { answer } = this.#answers[by];
      if (answer === "asking") isAsking = true;
      if (answer !== "present") continue;
      if (isAsking && isPatient) return;
      this.#state = { at: "mapping", by };
      return this.#map(by);
    }
    if (!isAsking) this.#giveUp();
    else this.#state = { at: "probing", since };
  }

  #map(by: MapperName): void {
    this.#do({ do: "map", by, request: { externalPort: this.#externalPort, lifetimeS: this.#wish.lifetimeS } });
  }

  #giveUp(): void {
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failedRounds++);
    this.#state = { at: "waiting", until: this.#now + waitMs * (0.75 + this.#random.unit() / 2) };
  }

  #noteMapped(by: MapperName, outcome: Outcome<MappingGrant>): void {
    const state = this.#state;
    if (state.at === "mapping" && state.by === by) {
      if (!outcome.ok) return this.#drop(by, outcome.answer, outcome.reason, false);
      this.#state = { at: "holding", holding: new Holding(by, outcome.value, this.#now, this.#random.unit()) };
      this.#externalPort = outcome.value.external.port;
      return this.#test();
    }
    if (state.at !== "holding" || state.holding.by !== by) return;
    if (outcome.ok) {
      state.holding.renewed(outcome.value, this.#now, this.#random.unit());
      this.#externalPort = outcome.value.external.port;
      this.#test();
    } else if (outcome.answer === "refused" || !state.holding.renewalFailed(this.#now)) {
      this.#drop(by, outcome.answer, outcome.reason, true);
    }
  }

  #noteChecked(by: MapperName, outcome: Outcome<boolean>): void {
    if (this.#state.at !== "holding" || this.#state.holding.by !== by) return;
    this.#state.holding.checked(outcome.ok ? outcome.value : null, this.#now);
    this.#wake();
  }

  #noteVerified(test: number, isReachable: boolean | null): void {
    if (this.#state.at !== "holding" || test !== this.#tests) return;
    const { holding } = this.#state;
    const verdict = holding.tested(isReachable, this.#now);
    if (verdict === "useless") {
      return this.#drop(holding.by, "useless", "the mapping is not reachable from outside", true);
    }
    if (isReachable === true) this.#failedRounds = 0;
    if (verdict === "usable") this.#tell(holding.external);
  }

  /** The protocol is out of this round; the next one has its turn. */
  #drop(by: MapperName, answer: "silent" | "refused" | "useless", reason: string, isMapped: boolean): void {
    this.#answers[by] = { ...this.#answers[by], answer, reason };
    // A request without an answer may have been granted all the same.
    if (isMapped || answer === "silent") this.#do({ do: "unmap", by });
    this.#tell(null);
    this.#choose(-Infinity);
  }

  /** Only a hint, as anyone on the LAN can send one: the gateway itself is asked. */
  #noteAnnounced(): void {
    const at = this.#now + this.#random.unit() * ANNOUNCEMENT_JITTER_MS;
    if (this.#state.at === "holding") this.#state.holding.checkBy(at);
    else if (this.#state.at === "waiting") this.#state.until = Math.min(this.#state.until, at);
  }

  #wake(): void {
    const state = this.#state;
    const wakeAt = this.nextWakeAt();
    if (wakeAt === null || this.#now < wakeAt) return;
    if (state.at === "probing") return this.#choose(state.since);
    if (state.at === "unconnected") {
      state.until = this.#now + LOOK_AGAIN_MS;
      return this.#do({ do: "lookUpGateway" });
    }
    if (state.at === "waiting") {
      this.#startRound();
      return this.#do({ do: "lookUpGateway" });
    }
    if (state.at === "holding") this.#tend(state.holding);
  }

  #tend(holding: Holding): void {
    switch (holding.due(this.#now)) {
      case "expire":
        return this.#drop(holding.by, "silent", "the mapping ended before it could be renewed", true);
      case "renew":
        return this.#map(holding.by);
      case "check":
        this.#do({ do: "lookUpGateway" });
        return this.#do({ do: "check", by: holding.by });
      case "test":
        return this.#test();
    }
  }

  #test(): void {
    if (this.#state.at !== "holding") return;
    const { holding } = this.#state;
    holding.testing();
    this.#do({ do: "verify", test: ++this.#tests, endpoint: holding.external });
  }

  #tell(endpoint: Endpoint | null): void {
    const isSame = endpoint === null || this.#told === null
      ? endpoint === this.#told
      : equalEndpoint(endpoint, this.#told);
    if (isSame) return;
    this.#told = endpoint;
    this.#do({ do: "tell", endpoint });
  }

  #stop(): void {
    const state = this.#state;
    if (state.at === "mapping") this.#do({ do: "unmap", by: state.by });
    if (state.at === "holding") this.#do({ do: "unmap", by: state.holding.by });
    this.#tell(null);
    this.#state = { at: "stopped" };
  }

  #do(effect: MappingEffect): void {
    this.#effects.push(effect);
  }
}

function isSameGateway(a: Gateway | null, b: Gateway | null): boolean {
  if (a === null || b === null) return a === b;
  return equalBytes(a.address, b.address) && equalBytes(a.localAddress, b.localAddress) && a.zone === b.zone;
}

function formatAddress(address: Uint8Array): string {
  const quad = ipv4Of({ address, port: 0 });
  return quad === null ? formatIpv6(address) : formatIpv4(quad);
}
