/**
 * All peer exchanges of a socket (docs/PROTOCOL.md, section 8): finds the tunnel of a datagram, lets KE1 through the gate, and runs the
 * machine of the tunnel's suite and role.
 *
 * Nothing here throws for what arrives. A dropped datagram leaves everything as it was and shows only as a `drop` effect.
 *
 * @module
 */

import { ProtocolError } from "../base/errors.ts";
import type { Endpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { classicExchange, type ClassicKe1, MIN_SPI, type ModernKe1a } from "../protocol/mod.ts";
import { ExchangeGate } from "./exchange_gate.ts";
import { type ExchangeEvent, isInitiator, makeTunnel, MIN_REKEY_INTERVAL_MS, type Tunnel } from "./exchange_machine.ts";
import { decodeExchange, type ExchangeMessage, isForResponder, suiteOf } from "./exchange_messages.ts";
import type { DropReason, ExchangeEffect, TunnelParameters, TunnelSettings } from "./exchange_types.ts";
import { runExchange, type Running } from "./running_exchange.ts";

/** The exchanges of all tunnels of one socket. `now` is monotonic ms everywhere. */
export class PeerExchanges {
  readonly #random: Random;
  readonly #gate: ExchangeGate;
  readonly #running = new Map<number, Running>();

  /** No tunnel yet. `random` must be the system's outside of tests. */
  constructor(random: Random, now: number) {
    this.#random = random;
    this.#gate = new ExchangeGate(random, now);
  }

  /**
   * Makes a tunnel known. Nothing is sent until `start`; a responder answers from now on.
   *
   * @throws {RangeError} when the SPIs cannot be used, `localSpi` is taken, or the local key of the suite is missing
   */
  open(parameters: TunnelParameters, settings: TunnelSettings): void {
    const { localSpi, remoteSpi } = parameters;
    if (localSpi < MIN_SPI || remoteSpi < MIN_SPI || localSpi === remoteSpi) {
      throw new RangeError(`Cannot open a tunnel with SPIs ${localSpi} and ${remoteSpi}: too low, or the same`);
    }
    if (this.#running.has(localSpi)) throw new RangeError(`Cannot open a tunnel: SPI ${localSpi} is in use`);
    this.#running.set(localSpi, runExchange(makeTunnel(parameters, settings)));
  }

  /** Whether a tunnel is known. */
  has(localSpi: number): boolean {
    return this.#running.has(localSpi);
  }

  /** Takes what has changed about a tunnel; unknown ones are ignored. It counts from the next exchange on. */
  update(localSpi: number, settings: Partial<TunnelSettings>): void {
    this.#running.get(localSpi)?.update(settings);
  }

  /** Forgets a tunnel and overwrites what is secret. Its timer, if any, is the caller's to stop. */
  close(localSpi: number): void {
    this.#running.get(localSpi)?.forget();
    this.#running.delete(localSpi);
  }

  /**
   * New keys are wanted: for the first time, by the data plane (rekeyWanted), or by the peer (REKEY WANTED). An initiator begins an
   * exchange unless one is under way or was confirmed less than 5 s ago; a responder asks it to, where there are keys already.
   */
  start(localSpi: number, now: number): ExchangeEffect[] {
    return this.#step(localSpi, { on: "start" }, now);
  }

  /** The timer of a tunnel ran out. */
  onTimer(localSpi: number, now: number): ExchangeEffect[] {
    return this.#step(localSpi, { on: "timer" }, now);
  }

  /** The data plane opened a datagram under keys that it got for opening only. */
  onKeysConfirmed(localSpi: number, epoch: number, now: number): ExchangeEffect[] {
    return this.#step(localSpi, { on: "keysConfirmed", epoch }, now);
  }

  /** A control datagram of an exchange arrived: types 0x0F to 0x2F. */
  onDatagram(from: Endpoint, bytes: Uint8Array, now: number): ExchangeEffect[] {
    const message = decodeOrNull(bytes);
    if (message === null) return [{ do: "drop", localSpi: null, reason: "malformed" }];
    const running = this.#running.get(message.spi);
    if (running === undefined) return [{ do: "drop", localSpi: null, reason: "unknown SPI" }];
    return this.#misdelivered(running, message, now) ?? this.#gated(running, from, message, now) ??
      running.step({ on: "datagram", from, message, bytes }, { now, random: this.#random });
  }

  /** How many exchanges are half open: begun by peers that have proved nothing yet. */
  get halfOpenCount(): number {
    return this.#running.values().reduce((count, running) => count + (running.isHalfOpen ? 1 : 0), 0);
  }

  #step(localSpi: number, event: ExchangeEvent, now: number): ExchangeEffect[] {
    return this.#running.get(localSpi)?.step(event, { now, random: this.#random }) ?? [];
  }

  /** Rule 2 of the gate: the suite and the role are the tunnel's, and no exchange was completed just now. */
  #misdelivered(running: Running, message: ExchangeMessage, now: number): ExchangeEffect[] | null {
    const { tunnel } = running;
    const suite = suiteOf(message);
    if (suite !== null && suite !== tunnel.suite) return dropped(tunnel, "other suite");
    if (isForResponder(message) === isInitiator(tunnel)) {
      return dropped(tunnel, isInitiator(tunnel) ? "not the responder" : "not the initiator");
    }
    const completedAt = running.completedAt;
    const isTooSoon = isKe1(message) && completedAt !== null && now - completedAt < MIN_REKEY_INTERVAL_MS;
    return isTooSoon ? dropped(tunnel, "exchange completed just now") : null;
  }

  /** Rules 3 to 7, for KE1. */
  #gated(running: Running, from: Endpoint, message: ExchangeMessage, now: number): ExchangeEffect[] | null {
    const { tunnel } = running;
    const { localSpi, remoteSpi, sources } = tunnel;
    if (message.type === "modernKe1b" && !this.#gate.takeToken(from, localSpi, sources, now)) {
      return dropped(tunnel, "too many from this source");
    }
    if (!isKe1(message)) return null;
    const standing = running.standing(message);
    const { cookie, nonceI } = message;
    const verdict = this.#gate.judge(
      { from, spi: localSpi, cookie, nonceI, standing, sources },
      this.halfOpenCount,
      now,
    );
    if (verdict.admit) return null;
    const effects = dropped(tunnel, verdict.reason);
    if (verdict.cookie === null) return effects;
    const datagram = classicExchange.cookie.encode({ spi: remoteSpi, cookie: verdict.cookie });
    return [...effects, { do: "send", localSpi, to: from, datagrams: [datagram] }];
  }
}

type Ke1Message = { type: "classicKe1" } & ClassicKe1 | { type: "modernKe1a" } & ModernKe1a;

function isKe1(message: ExchangeMessage): message is Ke1Message {
  return message.type === "classicKe1" || message.type === "modernKe1a";
}

function dropped({ localSpi }: Tunnel, reason: DropReason): ExchangeEffect[] {
  return [{ do: "drop", localSpi, reason }];
}

function decodeOrNull(bytes: Uint8Array): ExchangeMessage | null {
  try {
    return decodeExchange(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
