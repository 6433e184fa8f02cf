import type { Endpoint } from "../base/ip.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { AddressPlan } from "./address_pool.ts";
import type { ServerPolicy } from "./plans.ts";
import { Presence } from "./presence.ts";
import { announcementLimit, messageLimit, PasswordTries, registrationLimit } from "./rate_limits.ts";
import { Rendezvous } from "./rendezvous.ts";
import type { Store } from "./store.ts";
import { Turns } from "./turns.ts";
import type { ControlClient, DiscoveryPorts, RelayIssuer, StreamPlaces, World } from "./world.ts";

/** What a world is made around. */
export interface WorldOptions {
  /** What is kept. */
  store: Store;
  /** What addresses come from. */
  plan: AddressPlan;
  /** Relays. */
  relays: RelayIssuer;
  /** Ports of discovery. */
  ports: DiscoveryPorts;
  /** A discovery socket on another address. Default: there is none. */
  otherAddress?: Endpoint | null;
  /** Ways in for those whose UDP is blocked. Default: none. */
  streams?: StreamPlaces;
  /** What this server allows. */
  policy: ServerPolicy;
  /** Time. */
  clock: Clock;
  /** For everything drawn. */
  random: Random;
  /** For the operator. */
  log: Logger;
}

/** A world in which nobody is logged in yet, and how to end the pauses within it. */
export function makeWorld(options: WorldOptions): { world: World; endPauses: () => void } {
  const { clock, random, policy } = options;
  const waiting = new Set<() => void>();
  const world: World = {
    ...options,
    streams: options.streams ?? null,
    otherAddress: options.otherAddress ?? null,
    presence: new Presence<ControlClient>(),
    rendezvous: new Rendezvous<ControlClient>(random),
    sessions: new Map(),
    passwordTries: new PasswordTries(),
    registrations: registrationLimit(),
    announcements: announcementLimit(),
    messages: messageLimit(),
    turns: new Turns(),
    context: () => ({ random, nowMs: Math.floor(clock.wallMs()), policy }),
    pause: (ms) => pause(clock, waiting, ms),
  };
  return { world, endPauses: () => waiting.forEach((end) => end()) };
}

function pause(clock: Clock, waiting: Set<() => void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      waiting.delete(end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    waiting.add(end);
  });
}
