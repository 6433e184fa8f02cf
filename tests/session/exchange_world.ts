/** Two ends of a tunnel, a network between them, and time: everything from one seed. */

import type { Endpoint } from "../../src/base/ip.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { INNER_FRAME } from "../../src/protocol/mod.ts";
import {
  type DropReason,
  type ExchangeEffect,
  type ExchangeFailure,
  type LocalParty,
  PeerExchanges,
  type TunnelSettings,
} from "../../src/session/mod.ts";
import { DataPlaneTwin } from "./data_plane_twin.ts";
import { endpoint, localParty, peerParty, RSA } from "./parties.ts";

/** One end. */
export interface Node {
  name: "a" | "b";
  party: LocalParty;
  endpoint: Endpoint;
  localSpi: number;
  exchanges: PeerExchanges;
  dataPlane: DataPlaneTwin;
  /** When its timer is due, or null. */
  timerAt: number | null;
  established: { epoch: number; isRekey: boolean }[];
  failures: ExchangeFailure[];
  drops: DropReason[];
  /** Payloads of PACKET frames that arrived. */
  received: string[];
}

/** What becomes of a datagram: copies, each after a delay. */
export type Network = (
  from: Node,
  datagram: Uint8Array,
  world: ExchangeWorld,
) => { delayMs: number; bytes: Uint8Array }[];

/** Everything arrives after 20 ms. */
export const PERFECT: Network = (_from, bytes) => [{ delayMs: 20, bytes }];

/** Whether a datagram is of an exchange, and not protected. */
export function isControl(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0;
}

/** Changes datagrams of exchanges of one type. */
export function changing(type: number, change: (bytes: Uint8Array) => Uint8Array): Network {
  return (from, bytes, world) =>
    PERFECT(from, isControl(bytes) && bytes[4] === type ? change(bytes.slice()) : bytes, world);
}

/** What a world is made of. */
export interface WorldOptions {
  suite: 1 | 2;
  seed?: number;
  network?: Network;
  /** Changes how the ends see each other. */
  settings?: Partial<TunnelSettings>;
  settingsOfB?: Partial<TunnelSettings>;
  partyA?: Partial<LocalParty>;
  partyB?: Partial<LocalParty>;
}

/** SPIs on which a (the initiator) and b receive. */
export const SPI = { a: 1000, b: 2000 } as const;

/** The world. `a` begins exchanges. */
export class ExchangeWorld {
  now = 0;
  readonly random: Random;
  readonly a: Node;
  readonly b: Node;
  /** Every datagram that was sent, before the network had it. */
  readonly sent: { from: "a" | "b"; to: Endpoint; bytes: Uint8Array; at: number }[] = [];
  readonly #network: Network;
  readonly #pending: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  /** Nothing has happened yet. */
  constructor(options: WorldOptions) {
    const { suite, seed = 1, network = PERFECT } = options;
    this.random = seededRandom(seed);
    this.#network = network;
    this.a = this.#node("a", endpoint(1), { ...localParty("alice", 0x0a000001, RSA[1]), ...options.partyA });
    this.b = this.#node("b", endpoint(2), { ...localParty("bob", 0x0a000002, RSA[2]), ...options.partyB });
    this.#open(this.a, this.b, suite, options.settings ?? {});
    this.#open(this.b, this.a, suite, { ...options.settings, ...options.settingsOfB });
  }

  #node(name: "a" | "b", at: Endpoint, party: LocalParty): Node {
    const localSpi = SPI[name];
    const exchanges = new PeerExchanges(this.random, this.now);
    const dataPlane = new DataPlaneTwin(name === "a" ? SPI.b : SPI.a, this.random);
    const noted = { established: [], failures: [], drops: [], received: [] };
    return { name, party, endpoint: at, localSpi, exchanges, dataPlane, timerAt: null, ...noted };
  }

  #open(own: Node, other: Node, suite: 1 | 2, settings: Partial<TunnelSettings>): void {
    const sources = { candidates: [other.endpoint], relays: [] };
    const parameters = {
      suite,
      localSpi: own.localSpi,
      remoteSpi: other.localSpi,
      local: own.party,
      peer: peerParty(other.party, suite),
    };
    own.exchanges.open(parameters, { sources, networkSecrets: new Map(), ...settings });
  }

  /** Calls `run` later. */
  after(ms: number, run: () => void): void {
    this.#pending.push({ at: this.now + ms, order: this.#order++, run });
  }

  /** Asks a node for new keys. */
  start(node: Node): void {
    this.carryOut(node, node.exchanges.start(node.localSpi, this.now));
  }

  /** Lets time pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const timers = [this.a, this.b].filter((node) => node.timerAt !== null);
      const next = Math.min(...this.#pending.map(({ at }) => at), ...timers.map(({ timerAt }) => timerAt!));
      if (next > end) break;
      this.now = next;
      for (const node of timers) if (node.timerAt! <= next) this.#fire(node);
      const due = this.#pending.filter(({ at }) => at <= next).sort((x, y) => x.at - y.at || x.order - y.order);
      for (const task of due) {
        this.#pending.splice(this.#pending.indexOf(task), 1);
        task.run();
      }
    }
    this.now = end;
  }

  #fire(node: Node): void {
    node.timerAt = null;
    this.carryOut(node, node.exchanges.onTimer(node.localSpi, this.now));
  }

  /** Does what a node's exchange wants done. */
  carryOut(node: Node, effects: ExchangeEffect[]): void {
    for (const effect of effects) this.#do(node, effect);
  }

  #do(node: Node, effect: ExchangeEffect): void {
    switch (effect.do) {
      case "send":
        for (const bytes of effect.datagrams) this.transmit(node, effect.to ?? this.#other(node).endpoint, bytes);
        return;
      case "installKeys":
        return node.dataPlane.install(effect.keys, effect.use);
      case "useKeys":
        return node.dataPlane.use(effect.epoch);
      case "sendFrame":
        return this.sendFrame(node, effect.frameType, effect.payload);
      case "arm":
        node.timerAt = this.now + effect.ms;
        return;
      case "disarm":
        node.timerAt = null;
        return;
      case "established":
        node.established.push({ epoch: effect.epoch, isRekey: effect.isRekey });
        return;
      case "fail":
        node.failures.push(effect.reason);
        return;
      case "drop":
        node.drops.push(effect.reason);
        return;
    }
  }

  /** Seals a frame and sends it; nothing without keys. */
  sendFrame(node: Node, frameType: number, payload: Uint8Array): void {
    const datagram = node.dataPlane.seal(frameType, payload);
    if (datagram !== null) this.transmit(node, this.#other(node).endpoint, datagram);
  }

  /** Puts a datagram on the network. */
  transmit(node: Node, to: Endpoint, bytes: Uint8Array): void {
    this.sent.push({ from: node.name, to, bytes, at: this.now });
    for (const copy of this.#network(node, bytes, this)) {
      this.after(copy.delayMs, () => this.deliver(this.#other(node), node.endpoint, copy.bytes));
    }
  }

  /** Hands a datagram to a node. */
  deliver(node: Node, from: Endpoint, bytes: Uint8Array): void {
    const isControl = bytes.length < 4 || new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === 0;
    if (isControl) return this.carryOut(node, node.exchanges.onDatagram(from, bytes, this.now));
    const opened = bytes.length < 12 ? null : node.dataPlane.open(bytes);
    if (opened === null) return;
    if (opened.confirmedEpoch !== null) {
      this.carryOut(node, node.exchanges.onKeysConfirmed(node.localSpi, opened.confirmedEpoch, this.now));
    }
    const [type, ...payload] = opened.frame;
    if (type === INNER_FRAME.rekeyWanted) this.start(node);
    if (type === INNER_FRAME.packet) node.received.push(String.fromCharCode(...payload));
  }

  #other(node: Node): Node {
    return node === this.a ? this.b : this.a;
  }

  /** Whether both ends seal with the same keys, and one opens what the other seals. */
  get isUp(): boolean {
    return this.a.dataPlane.agreesWith(this.b.dataPlane);
  }
}
