/**
 * One of the four exchange machines together with its state, so that those who run it need not know which it is.
 *
 * @module
 */

import { zeroize } from "../crypto/mod.ts";
import { SUITE } from "../protocol/mod.ts";
import { classicInitiator } from "./classic_initiator.ts";
import { classicResponder } from "./classic_responder.ts";
import {
  type ExchangeEvent,
  isInitiator,
  type Ke1Standing,
  type Machine,
  type Moment,
  type Tunnel,
} from "./exchange_machine.ts";
import type { ExchangeMessage } from "./exchange_messages.ts";
import type { ExchangeEffect, TunnelSettings } from "./exchange_types.ts";
import { modernInitiator } from "./modern_initiator.ts";
import { modernResponder } from "./modern_responder.ts";

/** A running machine. */
export interface Running {
  /** The tunnel it is for, as it is now. */
  readonly tunnel: Tunnel;
  /** See {@linkcode Machine}. */
  readonly isHalfOpen: boolean;
  /** See {@linkcode Machine}. */
  readonly completedAt: number | null;
  /** See {@linkcode Machine}. */
  standing(message: ExchangeMessage): Ke1Standing;
  /** Takes an event, keeps the next state. */
  step(event: ExchangeEvent, at: Moment): ExchangeEffect[];
  /** Takes other settings for the exchanges to come. */
  update(settings: Partial<TunnelSettings>): void;
  /** Overwrites what is secret. */
  forget(): void;
}

/** Starts the machine of a tunnel's suite and role. */
export function runExchange(tunnel: Tunnel): Running {
  if (tunnel.suite === SUITE.classic) {
    return isInitiator(tunnel) ? run(classicInitiator, tunnel) : run(classicResponder, tunnel);
  }
  return isInitiator(tunnel) ? run(modernInitiator, tunnel) : run(modernResponder, tunnel);
}

function run<S>(machine: Machine<S>, initialTunnel: Tunnel): Running {
  let tunnel = initialTunnel;
  let state = machine.initial;
  return {
    get tunnel() {
      return tunnel;
    },
    get isHalfOpen() {
      return machine.isHalfOpen(state);
    },
    get completedAt() {
      return machine.completedAt(state);
    },
    standing: (message) => machine.standing(state, message),
    step: (event, at) => {
      const next = machine.step(state, event, tunnel, at);
      state = next.state;
      return next.effects;
    },
    update: (settings) => {
      tunnel = { ...tunnel, ...settings };
    },
    forget: () => {
      zeroize(...machine.secretsOf(state));
      state = machine.initial;
    },
  };
}
