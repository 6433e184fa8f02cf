/**
 * What the four machines of the peer exchange have in common: events, steps, the timing of repetitions.
 *
 * @module
 */

import type { Endpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { ed25519Fingerprint, sshRsaFingerprintSha256 } from "../crypto/mod.ts";
import { SUITE } from "../protocol/mod.ts";
import type { ExchangeMessage } from "./exchange_messages.ts";
import type { DropReason, ExchangeEffect, TunnelParameters, TunnelSettings } from "./exchange_types.ts";

/** A tunnel, as its machine sees it. */
export interface Tunnel extends TunnelParameters, TunnelSettings {
  /** SHA-256 of our key, 32 bytes. */
  localFingerprint: Uint8Array;
  /** SHA-256 of the peer's key, 32 bytes. */
  peerFingerprint: Uint8Array;
}

/** What happened to an exchange. */
export type ExchangeEvent =
  /** New keys are wanted, by us or by the peer. */
  | { on: "start" }
  /** The timer ran out. */
  | { on: "timer" }
  /** The data plane opened a datagram under keys that were installed for opening only. */
  | { on: "keysConfirmed"; epoch: number }
  /** A datagram for this tunnel, of this suite and for this role; a KE1 has passed the gate. */
  | { on: "datagram"; from: Endpoint; message: ExchangeMessage; bytes: Uint8Array };

/** What a step takes from outside. */
export interface Moment {
  /** Monotonic ms. */
  now: number;
  /** The system's outside of tests. */
  random: Random;
}

/** The next state, and what is to be done. */
export interface Step<S> {
  /** To be handed to the next step. */
  state: S;
  /** To be carried out in order. */
  effects: ExchangeEffect[];
}

/** How a KE1 stands to what a responder has in hand. */
export type Ke1Standing = "new" | "repeated" | "another is half open";

/** One of the four machines. */
export interface Machine<S> {
  /** No exchange yet. */
  initial: S;
  /** Takes one event. */
  step(state: S, event: ExchangeEvent, tunnel: Tunnel, at: Moment): Step<S>;
  /** Whether a peer that has proved nothing makes us keep something. */
  isHalfOpen(state: S): boolean;
  /** When the last exchange ended with keys, monotonic ms, or null. */
  completedAt(state: S): number | null;
  /** Compares a KE1 with the exchange in hand. */
  standing(state: S, message: ExchangeMessage): Ke1Standing;
  /** What is to be overwritten when the state is given up. */
  secretsOf(state: S): Uint8Array[];
}

/** An exchange is given up after this time without an answer, and a half-open one forgotten, in ms. */
export const EXCHANGE_TIMEOUT_MS = 10_000;

/** No exchange follows another sooner than this, in ms. */
export const MIN_REKEY_INTERVAL_MS = 5_000;

const FIRST_INTERVAL_MS = 250;
const INTERVAL_GROWTH = 1.5;
const MAX_INTERVAL_MS = 4_000;

/** Repetitions of a question. */
export interface Repetition {
  /** When the question was asked first, monotonic ms. */
  startedAt: number;
  /** How often it was asked. */
  count: number;
}

/** When a question that was asked `count` times is asked again: 250 ms × 1.5ⁿ, at most 4 s apart, ending at 10 s. */
export function delayMs({ startedAt, count }: Repetition, now: number): number {
  const interval = Math.min(FIRST_INTERVAL_MS * INTERVAL_GROWTH ** (count - 1), MAX_INTERVAL_MS);
  return Math.max(0, Math.min(interval, startedAt + EXCHANGE_TIMEOUT_MS - now));
}

/** Whether a question has been asked for long enough. */
export function isOver({ startedAt }: Repetition, now: number): boolean {
  return now - startedAt >= EXCHANGE_TIMEOUT_MS;
}

/** Adds to a tunnel's parameters what follows from them. @throws {RangeError} when the local key of the suite is missing */
export function makeTunnel(parameters: TunnelParameters, settings: TunnelSettings): Tunnel {
  const { suite, local, peer } = parameters;
  if (suite === SUITE.classic) {
    if (local.rsa === null) throw new RangeError("Cannot open a tunnel of suite 1: this client has no RSA key");
    const localFingerprint = sshRsaFingerprintSha256(local.rsa.publicBlob);
    return { ...parameters, ...settings, localFingerprint, peerFingerprint: sshRsaFingerprintSha256(peer.publicKey) };
  }
  if (local.ed25519 === null) throw new RangeError("Cannot open a tunnel of suite 2: this client has no Ed25519 key");
  const localFingerprint = ed25519Fingerprint(local.ed25519.publicKey);
  return { ...parameters, ...settings, localFingerprint, peerFingerprint: ed25519Fingerprint(peer.publicKey) };
}

/** One end of a tunnel, by its role. */
export interface End {
  /** Initiator or responder. */
  side: "i" | "r";
  /** Its virtual address. */
  address: number;
  /** SHA-256 of its key, 32 bytes. */
  fingerprint: Uint8Array;
  /** The SPI it receives on. */
  spi: number;
}

/** Both ends of a tunnel. */
export function endsOf(tunnel: Tunnel): { initiator: End; responder: End } {
  const local = { address: tunnel.local.address, fingerprint: tunnel.localFingerprint, spi: tunnel.localSpi };
  const remote = { address: tunnel.peer.address, fingerprint: tunnel.peerFingerprint, spi: tunnel.remoteSpi };
  const [i, r] = isInitiator(tunnel) ? [local, remote] : [remote, local];
  return { initiator: { side: "i", ...i }, responder: { side: "r", ...r } };
}

/** Whether we begin exchanges: the end whose own inbound SPI is lower does. */
export function isInitiator({ localSpi, remoteSpi }: { localSpi: number; remoteSpi: number }): boolean {
  return localSpi < remoteSpi;
}

/** The step that changes nothing and notes why. */
export function drop<S>(state: S, { localSpi }: Tunnel, reason: DropReason): Step<S> {
  return { state, effects: [{ do: "drop", localSpi, reason }] };
}

/** The step that changes nothing. */
export function ignore<S>(state: S): Step<S> {
  return { state, effects: [] };
}
