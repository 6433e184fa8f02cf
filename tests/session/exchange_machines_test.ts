/** Every event in every state of the four machines: each machine has its table below. */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { classicInitiator } from "../../src/session/classic_initiator.ts";
import { classicResponder } from "../../src/session/classic_responder.ts";
import {
  type ExchangeEvent,
  type Machine,
  makeTunnel,
  type Step,
  type Tunnel,
} from "../../src/session/exchange_machine.ts";
import { decodeExchange } from "../../src/session/exchange_messages.ts";
import { modernInitiator } from "../../src/session/modern_initiator.ts";
import { modernResponder } from "../../src/session/modern_responder.ts";
import { classicExchange } from "../../src/protocol/mod.ts";
import { endpoint, localParty, peerParty, RSA } from "./parties.ts";

const [ALICE, BOB] = [localParty("alice", 1, RSA[1]), localParty("bob", 2, RSA[2])];
const FROM = endpoint(1);
const NOW = 6000;

type At = { at: string };
type End = "initiator" | "responder";

function tunnelsOf(suite: 1 | 2): Record<End, Tunnel> {
  const settings = { sources: { candidates: [], relays: [] }, networkSecrets: new Map() };
  const a = { suite, localSpi: 1000, remoteSpi: 2000, local: ALICE, peer: peerParty(BOB, suite) };
  const b = { suite, localSpi: 2000, remoteSpi: 1000, local: BOB, peer: peerParty(ALICE, suite) };
  return { initiator: makeTunnel(a, settings), responder: makeTunnel(b, settings) };
}

/** The same exchange each time, from one seed, which stops as soon as one end has reached its n-th state. */
class Exchange {
  readonly states: Record<End, At>;
  readonly datagrams = new Map<string, Uint8Array>();
  readonly #machines: Record<End, Machine<At>>;
  readonly #tunnels: Record<End, Tunnel>;
  readonly #random = seededRandom(21);
  readonly #counts = { initiator: 0, responder: 0 };
  readonly #stopAt: { end: End; count: number } | null;

  constructor(suite: 1 | 2, stopAt: { end: End; count: number } | null) {
    const [initiator, responder] = suite === 1
      ? [classicInitiator, classicResponder]
      : [modernInitiator, modernResponder];
    this.#machines = { initiator: initiator as Machine<At>, responder: responder as Machine<At> };
    this.states = { initiator: initiator.initial, responder: responder.initial };
    this.#tunnels = tunnelsOf(suite);
    this.#stopAt = stopAt;
    const questions = this.#isAtStop() ? [] : this.#take("initiator", { on: "start" });
    this.#run(questions);
    this.#note(classicExchange.cookie.encode({ spi: 1000, cookie: new Uint8Array(16).fill(7) }));
  }

  /** What an event does to an end as it stands. */
  step(end: End, event: ExchangeEvent, now: number): Step<At> {
    return this.#machines[end].step(this.states[end], event, this.#tunnels[end], { now, random: this.#random });
  }

  /** What an end must overwrite. */
  secretsOf(end: End): Uint8Array[] {
    return this.#machines[end].secretsOf(this.states[end]);
  }

  #run(datagrams: Uint8Array[], to: End = "responder"): void {
    const answers = datagrams.flatMap((bytes) => this.#isAtStop() ? [] : this.#take(to, this.#note(bytes)));
    if (answers.length > 0) this.#run(answers, to === "responder" ? "initiator" : "responder");
  }

  #note(bytes: Uint8Array): ExchangeEvent {
    const message = decodeExchange(bytes);
    this.datagrams.set(message.type, bytes);
    return { on: "datagram", from: FROM, message, bytes };
  }

  #take(end: End, event: ExchangeEvent): Uint8Array[] {
    const { state, effects } = this.step(end, event, 0);
    if (state.at !== this.states[end].at) this.#counts[end]++;
    this.states[end] = state;
    return effects.flatMap((effect) => effect.do === "send" ? effect.datagrams : []);
  }

  #isAtStop(): boolean {
    return this.#stopAt !== null && this.#counts[this.#stopAt.end] === this.#stopAt.count;
  }
}

function summarise({ state, effects }: Step<At>): string {
  return [state.at, ...effects.map((effect) => effect.do === "drop" ? effect.reason : effect.do)].join(", ");
}

/** What is not a datagram, then each datagram of the exchange as it was sent, and COOKIE. */
function eventsOf(suite: 1 | 2): [string, ExchangeEvent, number][] {
  const datagrams = [...new Exchange(suite, null).datagrams].map(([name, bytes]): [string, ExchangeEvent, number] => {
    return [name, { on: "datagram", from: FROM, message: decodeExchange(bytes), bytes }, NOW];
  });
  return [
    ["start", { on: "start" }, NOW],
    ["start within 5 s", { on: "start" }, 100],
    ["timer", { on: "timer" }, 250],
    ["timer at 10 s", { on: "timer" }, 10_000],
    ["keysConfirmed", { on: "keysConfirmed", epoch: 0 }, NOW],
    ["keysConfirmed, another epoch", { on: "keysConfirmed", epoch: 9 }, NOW],
    ...datagrams,
  ];
}

/** What the events of a state do that are neither ignored nor dropped as not expected: the next state, then the effects. */
type Taken = Record<string, string>;

/** States of one end, in the order in which an exchange passes through them. */
function check(suite: 1 | 2, end: End, rows: [at: string, taken: Taken][]): void {
  const events = eventsOf(suite);
  for (const [count, [at, taken]] of rows.entries()) {
    const found: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const [event, value, now] of events) {
      const exchange = new Exchange(suite, { end, count });
      assert.equal(exchange.states[end].at, at);
      found[event] = summarise(exchange.step(end, value, now));
      expected[event] = taken[event] ?? (value.on === "datagram" ? `${at}, not expected now` : at);
    }
    assert.deepEqual(found, expected, `${end} of suite ${suite} in state ${count}, ${at}`);
    assert.ok(Object.keys(taken).every((event) => event in found));
  }
}

const ASK: Taken = { "start": "awaitingKe2, send, arm" };

const WAITING_FOR_KE2: Taken = {
  "timer": "awaitingKe2, send, arm",
  "timer at 10 s": "idle, fail",
  "cookie": "awaitingKe2, send",
};

Deno.test("modernInitiator takes or ignores every event in every state as its diagram says", () => {
  check(2, "initiator", [
    ["idle", { ...ASK, "start within 5 s": "awaitingKe2, send, arm" }],
    ["awaitingKe2", { ...WAITING_FOR_KE2, "modernKe2a": "awaitingKe2", "modernKe2b": "awaitingKe2" }],
    ["awaitingConfirmation", {
      "timer": "awaitingConfirmation, send, arm",
      "timer at 10 s": "idle, fail",
      "keysConfirmed": "idle, disarm, useKeys, established",
    }],
  ]);
});

Deno.test("modernResponder takes or ignores every event in every state as its diagram says", () => {
  check(2, "responder", [
    ["idle", { "modernKe1a": "awaitingKe1b, arm" }],
    ["awaitingKe1b", {
      "timer": "idle",
      "timer at 10 s": "idle",
      "modernKe1a": "awaitingKe1b",
      "modernKe1b": "awaitingKe3, send",
    }],
    ["awaitingKe3", {
      "timer": "idle",
      "timer at 10 s": "idle",
      "modernKe1a": "awaitingKe3, send",
      "modernKe1b": "awaitingKe3, send",
      "modernKe3": "idle, disarm, installKeys, established, sendFrame",
    }],
    ["idle", {
      "start": "idle, sendFrame",
      "start within 5 s": "idle, sendFrame",
      "modernKe1a": "awaitingKe1b, arm",
      "modernKe3": "idle, sendFrame",
    }],
  ]);
});

Deno.test("classicInitiator takes or ignores every event in every state as its diagram says", () => {
  check(1, "initiator", [
    ["idle", { ...ASK, "start within 5 s": "awaitingKe2, send, arm" }],
    ["awaitingKe2", { ...WAITING_FOR_KE2, "classicKe2": "awaitingConfirm, send, arm" }],
    ["awaitingConfirm", {
      "timer": "awaitingConfirm, send, arm",
      "timer at 10 s": "idle, fail",
      "classicConfirm": "idle, disarm, installKeys, established, sendFrame",
    }],
    ["idle", ASK],
  ]);
});

Deno.test("classicResponder takes or ignores every event in every state as its diagram says", () => {
  check(1, "responder", [
    ["idle", { "classicKe1": "awaitingKe3, send, arm" }],
    ["awaitingKe3", {
      "timer": "idle",
      "timer at 10 s": "idle",
      "classicKe1": "awaitingKe3, send",
      "classicKe3": "idle, installKeys, established, send, arm",
    }],
    ["idle", {
      "start": "idle, sendFrame",
      "start within 5 s": "idle, sendFrame",
      "classicKe1": "awaitingKe3, send, arm",
      "classicKe3": "idle, send",
    }],
  ]);
});

Deno.test("Machines overwrite what is secret when they give up or are given up", () => {
  const cases = [[2, "initiator", 1], [2, "responder", 2], [1, "initiator", 1], [1, "initiator", 2], [
    1,
    "responder",
    1,
  ]] as const;
  for (const [suite, end, count] of cases) {
    const exchange = new Exchange(suite, { end, count });
    const secrets = exchange.secretsOf(end);
    assert.ok(secrets.length > 0 && secrets.every((secret) => secret.some((byte) => byte !== 0)));
    exchange.step(end, { on: "timer" }, 10_000);
    assert.ok(
      secrets.every((secret) => secret.every((byte) => byte === 0)),
      `${end} of suite ${suite}, state ${count}`,
    );
  }
});
