import { equalBytes } from "../../base/bytes.ts";
import { ProtocolError } from "../../base/errors.ts";
import { formatIpv4, ipv4Of, mappedIpv4, parseIpv4 } from "../../base/ip.ts";
import type { Exchange } from "./exchange.ts";
import { type GatewayUrl, parseGatewayUrl } from "./gateway_url.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { decodeDescription, type WanService } from "./igd.ts";
import { decodeCallAnswer, encodeCall, UPNP_ERROR, UpnpFault } from "./soap.ts";
import { decodeSearchAnswer, encodeSearch, GATEWAY_DEVICES, SSDP_GROUP, SSDP_PORT } from "./ssdp.ts";
import {
  type Mapper,
  type MapperOptions,
  MappingError,
  type MappingGrant,
  type MappingRequest,
  type ProbeAnswer,
} from "./types.ts";

/** Always the same, so that a gateway's list tells whose a mapping is and nothing more. */
const DESCRIPTION = "Buri";

/** How many ports are tried where the gateway cannot choose one itself. */
const MAX_PORTS_TRIED = 4;

const MIN_EXTERNAL_PORT = 1024;

/** Sends a request and gives the whole answer; rejects with whatever went wrong, or when `signal` aborts. */
export type SendHttp = (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;

interface Entry {
  isOurs: boolean;
  lifetimeS: number | null;
}

/** Maps by UPnP-IGD, version 1 and 2, which know IPv4 only. Talks to no address but the gateway's. */
export class UpnpMapper implements Mapper {
  readonly #options: MapperOptions;
  readonly #exchange: Exchange;
  readonly #http: SendHttp;
  readonly #gateway: number;
  #abort = new AbortController();
  #service: WanService | null = null;
  #address: number | null = null;
  /** The port that has a mapping of ours, or may have one. */
  #externalPort: number | null = null;

  /** `exchange` is used by nobody else, and closed with the mapper. @throws {RangeError} for an IPv6 gateway */
  constructor(options: MapperOptions, exchange: Exchange, http: SendHttp) {
    const gateway = ipv4Of({ address: options.gateway.address, port: 0 });
    if (gateway === null) throw new RangeError("Cannot map by UPnP: the gateway has no IPv4 address");
    this.#options = options;
    this.#exchange = exchange;
    this.#http = http;
    this.#gateway = gateway;
  }

  async probe(): Promise<ProbeAnswer> {
    const { location, server } = await this.#search();
    const device = await this.#guard("device description", async () => {
      const { status, body } = await this.#send({ url: location, method: "GET", headers: {}, body: "" });
      if (status !== 200) throw new ProtocolError(`HTTP status ${status}`);
      return decodeDescription(body, location);
    });
    const address = await this.#choose(device.services);
    return { externalAddress: mappedIpv4(address), model: device.model ?? server };
  }

  map(request: MappingRequest): Promise<MappingGrant> {
    return this.#findAgain(() => this.#map(request));
  }

  check(): Promise<boolean> {
    return this.#findAgain(() => this.#check());
  }

  async #map({ externalPort, lifetimeS }: MappingRequest): Promise<MappingGrant> {
    const address = await this.#externalAddress(this.#known());
    const grantedS = await this.#add(externalPort, lifetimeS);
    const port = this.#externalPort!;
    const entry = await this.#entry(port);
    // Seen in the field: a renewal that answers yes and leads to another port, or nowhere.
    if (entry !== null && !entry.isOurs) throw new MappingError("refused", "the gateway mapped something else");
    this.#address = address;
    const lasts = entry?.lifetimeS ?? grantedS;
    return { external: { address: mappedIpv4(address), port }, lifetimeS: lasts === 0 ? null : lasts };
  }

  async #check(): Promise<boolean> {
    const address = await this.#externalAddress(this.#known());
    if (address !== this.#address || this.#externalPort === null) return false;
    return (await this.#entry(this.#externalPort))?.isOurs ?? true;
  }

  async unmap(): Promise<void> {
    this.#cancel();
    const port = this.#externalPort;
    if (port === null || this.#service === null) return;
    // Another's mapping may have taken the place of ours.
    if ((await this.#entry(port))?.isOurs === false) return;
    await this.#guard("DeletePortMapping", () => this.#call("DeletePortMapping", this.#key(port)));
    this.#externalPort = null;
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#exchange.close();
  }

  /** A gateway that restarted may be found at another port. */
  async #findAgain<T>(action: () => Promise<T>): Promise<T> {
    const { signal } = this.#abort;
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof MappingError) || error.answer !== "silent" || signal.aborted) throw error;
      await this.probe();
      return await action();
    }
  }

  #cancel(): void {
    this.#exchange.cancel();
    this.#abort.abort(new Error("cancelled"));
    this.#abort = new AbortController();
  }

  /** By unicast as well: a firewall of ours lets the answer to that through. Only the gateway's own answer counts. */
  #search(): Promise<{ location: GatewayUrl; server: string | null }> {
    const { address } = this.#options.gateway;
    const targets = [{ address, port: SSDP_PORT }, { address: mappedIpv4(SSDP_GROUP), port: SSDP_PORT }];
    return this.#exchange.ask({
      messages: GATEWAY_DEVICES.flatMap((device) => targets.map((to) => ({ bytes: encodeSearch(device), to }))),
      read: (bytes, from) => {
        if (!equalBytes(from.address, address)) return undefined;
        const answer = decodeSearchAnswer(bytes);
        const location = parseGatewayUrl(answer.location, this.#gateway);
        return location === null ? undefined : { location, server: answer.server };
      },
    });
  }

  /** The first service that has an address on the outside: a router lists those of unused uplinks too. */
  async #choose(services: readonly WanService[]): Promise<number> {
    let failure = new MappingError("refused", "the gateway has no external address");
    for (const service of services) {
      try {
        const address = await this.#externalAddress(service);
        this.#service = service;
        return address;
      } catch (error) {
        if (!(error instanceof MappingError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #known(): WanService {
    if (this.#service === null) throw new MappingError("refused", "no gateway was found by UPnP");
    return this.#service;
  }

  async #externalAddress(service: WanService): Promise<number> {
    const results = await this.#guard("GetExternalIPAddress", () => this.#call("GetExternalIPAddress", [], service));
    const address = parseIpv4(results.get("NewExternalIPAddress") ?? "");
    if (address === null || address === 0) throw new MappingError("refused", "the gateway has no external address");
    return address;
  }

  /** Adds the mapping and returns its lifetime; the port is in `#externalPort`. */
  #add(externalPort: number, lifetimeS: number): Promise<number> {
    return this.#guard("AddPortMapping", async () => {
      const { internalPort, random } = this.#options;
      let [port, seconds] = [externalPort, lifetimeS];
      for (let tries = 1;; tries++) {
        try {
          this.#externalPort = port;
          await this.#call("AddPortMapping", this.#mapping(port, seconds));
          return seconds;
        } catch (error) {
          if (!(error instanceof UpnpFault) || tries === MAX_PORTS_TRIED) throw error;
          if (error.code === UPNP_ERROR.onlyPermanentLease && seconds !== 0) seconds = 0;
          else if (error.code === UPNP_ERROR.samePortRequired && port !== internalPort) port = internalPort;
          else if (error.code !== UPNP_ERROR.conflict) throw error;
          else if (this.#known().canChoosePort) return await this.#addAny(port, seconds);
          else port = MIN_EXTERNAL_PORT + random.below(65536 - MIN_EXTERNAL_PORT);
        }
      }
    });
  }

  async #addAny(port: number, lifetimeS: number): Promise<number> {
    const results = await this.#call("AddAnyPortMapping", this.#mapping(port, lifetimeS));
    const reserved = results.get("NewReservedPort") ?? "";
    if (!/^[1-9][0-9]{0,4}$/.test(reserved) || Number(reserved) > 65535) {
      throw new ProtocolError("no port was reserved");
    }
    this.#externalPort = Number(reserved);
    return lifetimeS;
  }

  /** What the gateway's table says; null = it does not tell. */
  #entry(port: number): Promise<Entry | null> {
    return this.#guard("GetSpecificPortMappingEntry", async () => {
      try {
        const entry = await this.#call("GetSpecificPortMappingEntry", this.#key(port));
        const lease = entry.get("NewLeaseDuration") ?? "";
        return {
          isOurs: entry.get("NewInternalPort") === String(this.#options.internalPort) &&
            entry.get("NewInternalClient") === this.#ownAddress() && entry.get("NewEnabled") !== "0",
          lifetimeS: /^[0-9]{1,9}$/.test(lease) ? Number(lease) : null,
        };
      } catch (error) {
        const code = error instanceof UpnpFault ? error.code : null;
        if (code === UPNP_ERROR.noSuchEntry) return { isOurs: false, lifetimeS: null };
        if (code === UPNP_ERROR.invalidAction || code === UPNP_ERROR.notImplemented) return null;
        throw error;
      }
    });
  }

  #key(port: number): [string, string | number][] {
    return [["NewRemoteHost", ""], ["NewExternalPort", port], ["NewProtocol", this.#options.protocol.toUpperCase()]];
  }

  #mapping(port: number, lifetimeS: number): [string, string | number][] {
    return [
      ...this.#key(port),
      ["NewInternalPort", this.#options.internalPort],
      ["NewInternalClient", this.#ownAddress()],
      ["NewEnabled", 1],
      ["NewPortMappingDescription", DESCRIPTION],
      ["NewLeaseDuration", lifetimeS],
    ];
  }

  #ownAddress(): string {
    return formatIpv4(ipv4Of({ address: this.#options.gateway.localAddress, port: 0 }) ?? 0);
  }

  async #call(
    action: string,
    args: [string, string | number][],
    service = this.#known(),
  ): Promise<Map<string, string>> {
    const request = encodeCall({ control: service.control, service: service.type, action, args });
    return decodeCallAnswer(await this.#send(request), action);
  }

  #send(request: HttpRequest): Promise<HttpResponse> {
    return this.#http(request, this.#abort.signal);
  }

  /** Says of any failure what was asked, and whether there was an answer. */
  async #guard<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof MappingError) throw error;
      const isAnswer = error instanceof ProtocolError || error instanceof UpnpFault;
      const reason = error instanceof Error ? error.message : String(error);
      throw new MappingError(isAnswer ? "refused" : "silent", `${what}: ${reason}`);
    }
  }
}
