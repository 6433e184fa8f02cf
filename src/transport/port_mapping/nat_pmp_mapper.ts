import { type Endpoint, equalEndpoint, mappedIpv4 } from "../../base/ip.ts";
import { EpochWatch } from "./epoch.ts";
import type { Exchange } from "./exchange.ts";
import {
  decodeNatPmpResponse,
  encodeNatPmpAddressRequest,
  encodeNatPmpMapRequest,
  NAT_PMP_RESULT,
  type NatPmpAddress,
  type NatPmpGrant,
  type NatPmpMapping,
  natPmpResultWords,
} from "./nat_pmp.ts";
import { GATEWAY_PORT } from "./pcp.ts";
import {
  type Mapper,
  type MapperOptions,
  MappingError,
  type MappingGrant,
  type MappingRequest,
  type ProbeAnswer,
} from "./types.ts";

/** Maps by NAT-PMP (RFC 6886), which knows IPv4 only. */
export class NatPmpMapper implements Mapper {
  readonly #options: MapperOptions;
  readonly #exchange: Exchange;
  readonly #server: Endpoint;
  readonly #epochs = new EpochWatch();
  #isContinued = true;
  /** The external address when the mapping was granted. */
  #address: number | null = null;

  /** `exchange` is used by nobody else, and closed with the mapper. */
  constructor(options: MapperOptions, exchange: Exchange) {
    this.#options = options;
    this.#exchange = exchange;
    this.#server = { address: options.gateway.address, port: GATEWAY_PORT };
  }

  async probe(): Promise<ProbeAnswer> {
    return { externalAddress: mappedIpv4(await this.#askAddress()), model: null };
  }

  async map({ externalPort, lifetimeS }: MappingRequest): Promise<MappingGrant> {
    const address = await this.#askAddress();
    const grant = await this.#askMapping({ internalPort: this.#options.internalPort, externalPort, lifetimeS });
    if (grant.externalPort === 0 || grant.lifetimeS === 0) {
      throw new MappingError("refused", "the answer grants nothing");
    }
    this.#address = address;
    this.#isContinued = true;
    return { external: { address: mappedIpv4(address), port: grant.externalPort }, lifetimeS: grant.lifetimeS };
  }

  async check(): Promise<boolean> {
    const address = await this.#askAddress();
    return this.#isContinued && address === this.#address;
  }

  async unmap(): Promise<void> {
    this.#exchange.cancel();
    await this.#askMapping({ internalPort: this.#options.internalPort, externalPort: 0, lifetimeS: 0 });
  }

  close(): Promise<void> {
    return this.#exchange.close();
  }

  async #askAddress(): Promise<number> {
    const { address } = await this.#ask(
      encodeNatPmpAddressRequest(),
      (response) => response.about === "address" ? response : undefined,
    );
    if (address === null || address === 0) throw new MappingError("refused", "the gateway has no external address");
    return address;
  }

  async #askMapping(wanted: NatPmpGrant): Promise<NatPmpGrant> {
    const { protocol, internalPort } = this.#options;
    const { grant } = await this.#ask(encodeNatPmpMapRequest(protocol, wanted), (response) => {
      if (response.about === "address" || response.about !== protocol) return undefined;
      const { grant } = response;
      if (grant === null) return response;
      // The answer to an earlier request may still come while we delete.
      const isLate = wanted.lifetimeS === 0 && grant.lifetimeS > 0;
      return grant.internalPort === internalPort && !isLate ? response : undefined;
    });
    if (grant === null) throw new MappingError("refused", "the answer grants nothing");
    return grant;
  }

  #ask<T extends NatPmpAddress | NatPmpMapping>(
    bytes: Uint8Array,
    select: (response: NatPmpAddress | NatPmpMapping) => T | undefined,
  ): Promise<T> {
    return this.#exchange.ask({
      messages: [{ bytes, to: this.#server }],
      read: (bytes, from) => {
        if (!equalEndpoint(from, this.#server)) return undefined;
        const response = decodeNatPmpResponse(bytes);
        const isOtherVersion = response.result === NAT_PMP_RESULT.unsupportedVersion;
        const answer = select(response);
        if (isOtherVersion || (answer !== undefined && response.result !== NAT_PMP_RESULT.success)) {
          throw new MappingError("refused", natPmpResultWords(response.result));
        }
        if (answer !== undefined && !this.#epochs.isContinued(response.epochS, this.#options.clock.now())) {
          this.#isContinued = false;
        }
        return answer;
      },
    });
  }
}
