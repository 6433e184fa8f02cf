import { equalBytes } from "../../base/bytes.ts";
import { type Endpoint, equalEndpoint, ipv4Of, mappedIpv4 } from "../../base/ip.ts";
import { EpochWatch } from "./epoch.ts";
import type { Exchange } from "./exchange.ts";
import {
  decodePcpResponse,
  encodePcpAnnounce,
  encodePcpMap,
  GATEWAY_PORT,
  IP_PROTOCOL,
  PCP_NONCE_LENGTH,
  PCP_RESULT,
  type PcpMapping,
  type PcpResponse,
  pcpResultWords,
} from "./pcp.ts";
import {
  type Mapper,
  type MapperOptions,
  MappingError,
  type MappingGrant,
  type MappingRequest,
  type ProbeAnswer,
} from "./types.ts";

/** Maps by PCP (RFC 6887), over either address family: for IPv6 a mapping is a hole in the firewall. */
export class PcpMapper implements Mapper {
  readonly #options: MapperOptions;
  readonly #exchange: Exchange;
  readonly #server: Endpoint;
  readonly #nonce: Uint8Array;
  readonly #epochs = new EpochWatch();
  #isContinued = true;
  #external: Endpoint | null = null;

  /** `exchange` is used by nobody else, and closed with the mapper. */
  constructor(options: MapperOptions, exchange: Exchange) {
    this.#options = options;
    this.#exchange = exchange;
    this.#server = { address: options.gateway.address, port: GATEWAY_PORT };
    this.#nonce = options.random.bytes(PCP_NONCE_LENGTH);
  }

  async probe(): Promise<ProbeAnswer> {
    await this.#announce();
    return { externalAddress: null, model: null };
  }

  async map({ externalPort, lifetimeS }: MappingRequest): Promise<MappingGrant> {
    // After the gateway lost its state, the address it gave before is the best to ask for (RFC 6887 section 11.5).
    const address = this.#external?.address ?? unspecifiedLike(this.#options.gateway.address);
    const { lifetimeS: grantedS, mapping } = await this.#map(lifetimeS, { address, port: externalPort });
    if (mapping.external.port === 0 || grantedS === 0) throw new MappingError("refused", "the answer grants nothing");
    this.#external = mapping.external;
    this.#isContinued = true;
    return { external: mapping.external, lifetimeS: grantedS };
  }

  async check(): Promise<boolean> {
    await this.#announce();
    return this.#isContinued;
  }

  async unmap(): Promise<void> {
    this.#exchange.cancel();
    const nothing = { address: unspecifiedLike(this.#options.gateway.address), port: 0 };
    await this.#map(0, nothing);
    this.#external = null;
  }

  close(): Promise<void> {
    return this.#exchange.close();
  }

  async #announce(): Promise<void> {
    const response = await this.#ask(
      encodePcpAnnounce(this.#options.gateway.localAddress),
      (response) => response.opcode === "announce",
    );
    // A server that knows no ANNOUNCE has told by this answer that it is one.
    if (response.result !== PCP_RESULT.unsupportedOpcode) refuseUnlessSuccess(response);
  }

  async #map(lifetimeS: number, external: Endpoint): Promise<{ lifetimeS: number; mapping: PcpMapping }> {
    const { gateway: { localAddress }, internalPort, protocol } = this.#options;
    const wanted = { nonce: this.#nonce, protocol: IP_PROTOCOL[protocol], internalPort, external };
    const response = await this.#ask(encodePcpMap(localAddress, lifetimeS, wanted), (response) => {
      if (response.opcode !== "map") return false;
      // The answer to an earlier request may still come while we delete.
      if (lifetimeS === 0 && response.result === PCP_RESULT.success && response.lifetimeS > 0) return false;
      return response.mapping === null || isAbout(wanted, response.mapping);
    });
    refuseUnlessSuccess(response);
    if (response.mapping === null) throw new MappingError("refused", "the answer grants nothing");
    return { lifetimeS: response.lifetimeS, mapping: response.mapping };
  }

  #ask(bytes: Uint8Array, isAnswer: (response: PcpResponse) => boolean): Promise<PcpResponse> {
    return this.#exchange.ask({
      messages: [{ bytes, to: this.#server }],
      read: (bytes, from) => {
        if (!equalEndpoint(from, this.#server)) return undefined;
        const response = decodePcpResponse(bytes);
        const isOtherVersion = response.result === PCP_RESULT.unsupportedVersion;
        if (!isOtherVersion && !isAnswer(response)) return undefined;
        if (!isOtherVersion && !this.#epochs.isContinued(response.epochS, this.#options.clock.now())) {
          this.#isContinued = false;
        }
        return response;
      },
    });
  }
}

/** The nonce is what others on the LAN cannot know, so an answer with it is to our request. */
function isAbout(wanted: PcpMapping, mapping: PcpMapping): boolean {
  return equalBytes(mapping.nonce, wanted.nonce) && mapping.protocol === wanted.protocol &&
    mapping.internalPort === wanted.internalPort;
}

function refuseUnlessSuccess({ result }: PcpResponse): void {
  if (result !== PCP_RESULT.success) throw new MappingError("refused", pcpResultWords(result));
}

/** All zero in the family of `address` (RFC 6887 section 11.1). */
function unspecifiedLike(address: Uint8Array): Uint8Array {
  return ipv4Of({ address, port: 0 }) === null ? new Uint8Array(16) : mappedIpv4(0);
}
