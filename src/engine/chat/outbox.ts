/**
 * Takes what is written to its receivers, over losses of tunnels and connections: a message leaves the outbox when the
 * receiver or the server has it on its disk. Each receiver has its own queue, so that its messages arrive in order and
 * nobody waits for somebody else.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { toHex } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import { ControlError, FAILURE_REASONS, type FailureCode } from "../../ipc/schema.ts";
import type { DeliveryState } from "../../ipc/chat_schema.ts";
import { innerFrames } from "../../protocol/mod.ts";
import { TokenBuckets } from "../../session/token_buckets.ts";
import { sleep } from "../sleep.ts";
import type { ChatStore, WaitingDelivery } from "./chat_store.ts";
import { decideDelivery, type DeliveryFacts, serverPauseMs } from "./delivery.ts";

/** When CHAT is sent again after it was sent first. */
const REPEAT_AFTER_MS = [0, 500, 1_000];

/** When CHAT ACK is not expected any more. */
const GIVE_UP_AFTER_MS = 2_500;

/** Slower than what a receiver takes, see `chat.ts`, so that none of it is dropped there. */
const PACE = { perSecond: 15, burst: 300, maxSources: 4096 };

/** How long the next message waits when the pace is used up. */
const PACE_PAUSE_MS = 100;

/** Sealing takes some milliseconds each: so many at once leave the engine time for other things. */
const MAX_SEALING = 4;

/** What is known of a receiver; the outbox knows the rest. */
export type ReceiverFacts = Pick<DeliveryFacts, "tunnel" | "isLoggedIn" | "isKnown" | "isOnline">;

/** What the outbox works with. */
export interface OutboxOptions {
  /** What waits. */
  store: Pick<ChatStore, "nextWaiting" | "waitingReceivers" | "settle">;
  /** Time. */
  clock: Clock;
  /** Where it tells of trouble. */
  log: Logger;
  /** What is known of a receiver now. */
  factsOf(receiverId: number): ReceiverFacts;
  /** Sends a CHAT frame. */
  sendFrame(localSpi: number, payload: Uint8Array): void;
  /** Hands a message to the server, sealed. @throws {ControlError} */
  sendSealed(waiting: WaitingDelivery): Promise<void>;
  /** A tunnel to this receiver would be of use. */
  wantTunnel(receiverId: number): void;
  /** A receiver or the server has a message, or never will; told once it is on the disk. */
  onSettled(waiting: WaitingDelivery, state: DeliveryState, reason: string | null): void;
}

/** One receiver's queue. */
interface Lane {
  /** Ends its waiting. */
  wake: () => void;
  gaveUpOn: number | null;
  askServerAt: number;
  failures: number;
}

/** Refusals after which asking again would not help. */
const FINAL: readonly FailureCode[] = ["peerNotFound", "networkNotFound", "invalidMessage"];

/** The outbox. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #acks = new Map<string, () => void>();
  readonly #pace = new TokenBuckets(PACE);
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #sealing = 0;

  /** Nothing moves before the first {@linkcode Outbox.wake}. */
  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Something may be possible now that was not before: a new message, a tunnel, a login. */
  wake(): void {
    if (this.#stopping.signal.aborted) return;
    for (const lane of this.#lanes.values()) lane.wake();
    for (const receiverId of this.#options.store.waitingReceivers()) {
      if (!this.#lanes.has(receiverId)) this.#open(receiverId);
    }
  }

  /** Logged in: earlier refusals say nothing any more. */
  loggedIn(): void {
    for (const lane of this.#lanes.values()) lane.askServerAt = lane.failures = 0;
    this.wake();
  }

  /** CHAT ACK came from this client. */
  takeAck(receiverId: number, messageId: Uint8Array): void {
    this.#acks.get(ackKey(receiverId, messageId))?.();
  }

  /** Ends it; what waits goes on waiting on the disk. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  #open(receiverId: number): void {
    const lane: Lane = { wake: () => {}, gaveUpOn: null, askServerAt: 0, failures: 0 };
    this.#lanes.set(receiverId, lane);
    const running: Promise<void> = this.#empty(receiverId, lane)
      .catch((error: unknown) => this.#options.log.error("messages cannot be sent", { error }))
      .finally(() => {
        if (this.#lanes.get(receiverId) === lane) this.#lanes.delete(receiverId);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  async #empty(receiverId: number, lane: Lane): Promise<void> {
    const { store, clock } = this.#options;
    // Whoever wakes us is in the middle of something else.
    await Promise.resolve();
    while (!this.#stopping.signal.aborted) {
      const waiting = store.nextWaiting(receiverId);
      if (waiting === null) {
        // In the same turn: whoever adds a message after it opens a new lane.
        this.#lanes.delete(receiverId);
        return;
      }
      const since = clock.now();
      while (!this.#stopping.signal.aborted && !await this.#tryOnce(waiting, lane, since));
    }
  }

  /** @returns whether the message is settled */
  async #tryOnce(waiting: WaitingDelivery, lane: Lane, since: number): Promise<boolean> {
    const { clock, factsOf, wantTunnel } = this.#options;
    const { receiverId } = waiting;
    const { gaveUpOn, askServerAt } = lane;
    const facts = factsOf(receiverId);
    const step = decideDelivery({ ...facts, now: clock.now(), since, gaveUpOn, askServerAt });
    switch (step.do) {
      case "tunnel":
        if (await this.#sendThroughTunnel(waiting, step.localSpi)) return this.#settle(waiting, "delivered", null);
        lane.gaveUpOn = step.localSpi;
        return false;
      case "server":
        return await this.#sendThroughServer(waiting, lane);
      case "giveUp":
        return this.#settle(waiting, "failed", FAILURE_REASONS.peerNotFound);
      case "wait":
        if (facts.isOnline) wantTunnel(receiverId);
        await this.#pause(lane, step.untilMs);
        return false;
    }
  }

  async #sendThroughTunnel({ receiverId, message }: WaitingDelivery, localSpi: number): Promise<boolean> {
    const { clock, sendFrame } = this.#options;
    const { signal } = this.#stopping;
    while (!this.#pace.take(String(receiverId), clock.now())) await sleep(clock, PACE_PAUSE_MS, signal);
    const { messageId, networkId, sentAtMs, text } = message;
    const payload = innerFrames.chat.encode({ messageId, networkId, sentAt: BigInt(sentAtMs), message: text ?? "" });
    const answered = new AbortController();
    const key = ackKey(receiverId, messageId);
    this.#acks.set(key, () => answered.abort());
    const ended = AbortSignal.any([signal, answered.signal]);
    const startedAt = clock.now();
    for (const afterMs of REPEAT_AFTER_MS) {
      await sleep(clock, startedAt + afterMs - clock.now(), ended);
      if (!ended.aborted) sendFrame(localSpi, payload);
    }
    await sleep(clock, startedAt + GIVE_UP_AFTER_MS - clock.now(), ended);
    this.#acks.delete(key);
    return answered.signal.aborted;
  }

  async #sendThroughServer(waiting: WaitingDelivery, lane: Lane): Promise<boolean> {
    const { clock, log } = this.#options;
    while (this.#sealing >= MAX_SEALING) await sleep(clock, 10, this.#stopping.signal);
    this.#sealing++;
    try {
      await this.#options.sendSealed(waiting);
      lane.failures = 0;
      return this.#settle(waiting, "stored", null);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      if (FINAL.includes(error.code)) return this.#settle(waiting, "failed", error.message);
      lane.failures++;
      lane.askServerAt = clock.now() + serverPauseMs(lane.failures);
      log.info("the server does not take a message", { reason: error.message, hint: error.hint });
      return this.#settle(waiting, "waiting", error.message);
    } finally {
      this.#sealing--;
    }
  }

  #settle(waiting: WaitingDelivery, state: DeliveryState, reason: string | null): boolean {
    this.#options.store.settle(waiting.row, waiting.receiverId, state, reason);
    this.#options.onSettled(waiting, state, reason);
    return state !== "waiting";
  }

  async #pause(lane: Lane, untilMs: number): Promise<void> {
    const { clock } = this.#options;
    const woken = new AbortController();
    lane.wake = () => woken.abort();
    const ended = AbortSignal.any([this.#stopping.signal, woken.signal]);
    if (untilMs !== Infinity) await sleep(clock, untilMs - clock.now(), ended);
    else await new Promise<void>((resolve) => onceAborted(ended, resolve));
    lane.wake = () => {};
  }
}

function onceAborted(signal: AbortSignal, fn: () => void): void {
  if (signal.aborted) fn();
  else signal.addEventListener("abort", fn, { once: true });
}

function ackKey(receiverId: number, messageId: Uint8Array): string {
  return `${receiverId} ${toHex(messageId)}`;
}
