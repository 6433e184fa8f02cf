/**
 * What the parts of port mapping say to each other.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Endpoint } from "../../base/ip.ts";
import type { Random } from "../../base/random.ts";

/** A protocol that asks a gateway for mappings; the order is that of preference. */
export const MAPPER_NAMES = ["pcp", "natPmp", "upnp"] as const;

/** See {@linkcode MAPPER_NAMES}. */
export type MapperName = typeof MAPPER_NAMES[number];

/** The default gateway of this machine for one address family. */
export interface Gateway {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  address: Uint8Array;
  /** Our address on the way to it, 16 bytes: the one that gets the mapping. */
  localAddress: Uint8Array;
  /** Name of the interface, which a link-local IPv6 address does not work without; null = not needed. */
  zone: string | null;
}

/** For whom a mapping is asked, and with what. */
export interface MapperOptions {
  /** Whom to ask. */
  gateway: Gateway;
  /** Kind of port. */
  protocol: "udp" | "tcp";
  /** Port on our side, the same for the life of the mapper. */
  internalPort: number;
  /** Time for epochs. */
  clock: Clock;
  /** Draws nonces and ports. */
  random: Random;
}

/** What a mapping should be. */
export interface MappingRequest {
  /** Port on the outside that we would like; the gateway may choose another. */
  externalPort: number;
  /** How long, in seconds. */
  lifetimeS: number;
}

/** A mapping that a gateway granted. */
export interface MappingGrant {
  /** Address and port on the outside. */
  external: Endpoint;
  /** Seconds; null = until it is deleted. */
  lifetimeS: number | null;
}

/** What a gateway is found to be by asking. */
export interface ProbeAnswer {
  /** The address that the gateway has on its outside, 16 bytes; null = it did not say. */
  externalAddress: Uint8Array | null;
  /** Name of its software or model, from outside; null = it did not say. */
  model: string | null;
}

/** Why a gateway gave no mapping. */
export class MappingError extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "MappingError";
  /** `silent`: nothing came back, which may be loss; `refused`: an answer came back. */
  readonly answer: "silent" | "refused";

  /** `reason` is a clause for people. */
  constructor(answer: "silent" | "refused", reason: string) {
    super(reason);
    this.answer = answer;
  }
}

/**
 * One protocol, spoken to one gateway about one mapping. Calls do not overlap, but for `unmap` and `close`, which end
 * whatever runs with a {@linkcode MappingError}. All reject with MappingError; after any, the mapper can be used again.
 */
export interface Mapper {
  /** Asks whether the gateway speaks the protocol; makes nothing. */
  probe(): Promise<ProbeAnswer>;
  /** Makes the mapping, or renews it. */
  map(request: MappingRequest): Promise<MappingGrant>;
  /** Whether the gateway still has the mapping that it granted last, on the same external address. */
  check(): Promise<boolean>;
  /** Deletes whatever mapping there may be. */
  unmap(): Promise<void>;
  /** Lets go of sockets; the mapping stays. */
  close(): Promise<void>;
}
