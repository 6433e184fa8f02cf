import assert from "node:assert/strict";
import { type Endpoint, formatEndpoint, mappedIpv4, parseEndpoint, parseIpv4 } from "../../../src/base/ip.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { MappingDecider } from "../../../src/transport/port_mapping/decider.ts";
import type { MappingEffect, MappingEvent, Outcome } from "../../../src/transport/port_mapping/events.ts";
import { type Gateway, MAPPER_NAMES, type MapperName } from "../../../src/transport/port_mapping/types.ts";

/** The gateway of a home. */
export const GATEWAY: Gateway = {
  address: mappedIpv4(parseIpv4("192.168.1.1")!),
  localAddress: mappedIpv4(parseIpv4("192.168.1.2")!),
  zone: null,
};
/** No answer. */
export const SILENT = { ok: false, answer: "silent", reason: "no answer" } as const;
/** A no. */
export const REFUSED = { ok: false, answer: "refused", reason: "not authorized" } as const;
/** The protocol is spoken. */
export const PRESENT = { ok: true, value: { externalAddress: null, model: null } } as const;

/** The answer that a mapping was granted. */
export function granted(lifetimeS: number | null = 3600, endpoint = "45.0.0.2:4000") {
  return { ok: true as const, value: { external: parseEndpoint(endpoint)!, lifetimeS } };
}

function describe(effect: MappingEffect): string {
  switch (effect.do) {
    case "use":
      return `use ${effect.names.join("+") || "none"}`;
    case "map":
      return `map ${effect.by} ${effect.request.externalPort} ${effect.request.lifetimeS}`;
    case "verify":
      return `verify ${formatEndpoint(effect.endpoint)}`;
    case "tell":
      return `tell ${effect.endpoint === null ? "none" : formatEndpoint(effect.endpoint)}`;
    case "lookUpGateway":
      return effect.do;
    default:
      return `${effect.do} ${effect.by}`;
  }
}

/** A decider with a time of its own. */
export class Bench {
  readonly decider = new MappingDecider({ internalPort: 4000, lifetimeS: 3600 }, seededRandom(1));
  now = 0;
  #test = 0;

  tell(event: MappingEvent): string[] {
    const effects = this.decider.step(event, this.now);
    for (const effect of effects) if (effect.do === "verify") this.#test = effect.test;
    return effects.map(describe);
  }

  probed(by: MapperName, outcome: Outcome<{ externalAddress: Uint8Array | null; model: string | null }>): string[] {
    return this.tell({ on: "probed", by, outcome });
  }

  mapped(by: MapperName, outcome: Outcome<{ external: Endpoint; lifetimeS: number | null }>): string[] {
    return this.tell({ on: "mapped", by, outcome });
  }

  verified(isReachable: boolean | null): string[] {
    return this.tell({ on: "verified", test: this.#test, isReachable });
  }

  /** Moves time on to the next tick, at most by `ms`, and gives what it brings. */
  wait(ms = Infinity): string[] {
    const wakeAt = this.decider.nextWakeAt() ?? Infinity;
    assert.ok(Math.min(wakeAt, this.now + ms) < Infinity, "nothing to wait for");
    this.now = Math.max(this.now, Math.min(wakeAt, this.now + ms));
    return this.tell({ on: "tick" });
  }

  /** Connected, with all three asked. */
  static probing(): Bench {
    const bench = new Bench();
    assert.deepEqual(bench.wait(), ["lookUpGateway"]);
    bench.tell({ on: "gateway", gateway: GATEWAY });
    return bench;
  }

  /** With a mapping by PCP that works. */
  static holding(lifetimeS: number | null = 3600): Bench {
    const bench = Bench.probing();
    bench.probed("pcp", PRESENT);
    bench.mapped("pcp", granted(lifetimeS));
    bench.verified(true);
    return bench;
  }

  answers(): string {
    const { answers } = this.decider.status(this.now);
    return MAPPER_NAMES.map((name) => answers[name].answer).join(" ");
  }
}
