import { ByteReader, ByteWriter, equalBytes, fromUtf8, toHex, utf8 } from "../../../src/base/bytes.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { type Endpoint, formatEndpoint, ipv4Of, mappedIpv4, parseEndpoint, parseIpv4 } from "../../../src/base/ip.ts";
import type { HttpRequest, HttpResponse } from "../../../src/transport/port_mapping/http.ts";
import type { Gateway, GatewayNetwork, MapperName } from "../../../src/transport/port_mapping/mod.ts";

/** The gateway's side of the LAN, and ours. */
export const GATEWAY: Gateway = {
  address: mappedIpv4(parseIpv4("192.168.1.1")!),
  localAddress: mappedIpv4(parseIpv4("192.168.1.2")!),
  zone: null,
};

/** A mapping in the gateway's table. */
export interface Entry {
  /** Who has it, such as `192.168.1.2`. */
  client: string;
  internalPort: number;
  lifetimeS: number;
  /** Hexadecimal; `""` where it was not made by PCP. */
  nonce: string;
}

/** A router that speaks PCP, NAT-PMP and UPnP-IGD over one table of mappings; what it does can be changed at any time. */
export class FakeGateway {
  /** Protocols that are answered. */
  spoken: Set<MapperName>;
  /** By external port. */
  readonly table = new Map<number, Entry>();
  /** What was asked, such as `pcp map 4000>4000 3600`. */
  readonly requests: string[] = [];
  externalAddress = "45.0.0.2";
  maxLifetimeS = Infinity;
  /** Result or error codes by which mappings are refused. */
  refusals: Partial<Record<MapperName, number>> = {};
  /** Lets a UPnP gateway answer yes and map this port instead. */
  wrongInternalPort: number | null = null;
  hasEntryAction = true;
  serviceVersion = 1;
  /** Changes with each start, as miniupnpd's does. */
  controlPort = 5000;
  /** Another program has the port of announcements. */
  isAnnouncementPortTaken = false;
  /** Sockets that are open. */
  openPorts = 0;
  readonly #clock: Clock;
  readonly #listeners = new Set<(bytes: Uint8Array, from: Endpoint) => void>();
  #bootedAt = -1_000_000;

  constructor(clock: Clock, ...spoken: MapperName[]) {
    this.#clock = clock;
    this.spoken = new Set(spoken);
  }

  /** All mappings are gone, and nothing is said. */
  restart(): void {
    this.table.clear();
    this.#bootedAt = this.#clock.now();
    this.controlPort++;
  }

  /** Tells everyone on the LAN that something changed. */
  announce(from = "192.168.1.1:5351"): void {
    for (const listener of this.#listeners) listener(new Uint8Array(24), parseEndpoint(from)!);
  }

  /** The LAN, as port mapping sees it. */
  network(): GatewayNetwork {
    const port = (receive: (bytes: Uint8Array, from: Endpoint) => void) => {
      let isOpen = true;
      this.openPorts++;
      return {
        send: (bytes: Uint8Array, to: Endpoint) => {
          const answer = this.answer(bytes, to);
          if (answer === null) return;
          const from = { address: GATEWAY.address, port: to.port };
          queueMicrotask(() => isOpen && receive(answer, from));
        },
        close: () => {
          if (isOpen) this.openPorts--;
          isOpen = false;
          this.#listeners.delete(receive);
          return Promise.resolve();
        },
      };
    };
    return {
      openPort: (_, receive) => port(receive),
      openAnnouncements: (_, receive) => {
        if (this.isAnnouncementPortTaken) throw new Error("port in use");
        this.#listeners.add(receive);
        return port(receive);
      },
      sendHttp: async (request, signal) => {
        const answer = this.answerHttp(request);
        await Promise.resolve();
        signal.throwIfAborted();
        return answer;
      },
    };
  }

  /** The answer to a datagram; null = silence. */
  answer(bytes: Uint8Array, to: Endpoint): Uint8Array | null {
    if (to.port === 1900) return this.#answerSearch(fromUtf8(bytes), to);
    if (formatEndpoint(to) !== "192.168.1.1:5351") throw new Error(`a datagram to ${formatEndpoint(to)}`);
    return bytes[0] === 2 ? this.#answerPcp(new ByteReader(bytes)) : this.#answerNatPmp(new ByteReader(bytes));
  }

  #epochS(): number {
    return Math.floor((this.#clock.now() - this.#bootedAt) / 1000);
  }

  #answerPcp(reader: ByteReader): Uint8Array | null {
    if (!this.spoken.has("pcp")) return this.spoken.has("natPmp") ? this.#natPmpError() : null;
    const opcode = (reader.u16(), reader.u16(), reader.remaining > 20 ? 1 : 0);
    const lifetimeS = reader.u32();
    const client = reader.bytes(16);
    if (!equalBytes(client, GATEWAY.localAddress)) throw new Error("the client's address is not ours");
    const head = (result: number, seconds: number) =>
      new ByteWriter().u8(2).u8(0x80 + opcode).u8(0).u8(result).u32(seconds).u32(this.#epochS()).bytes(
        new Uint8Array(12),
      );
    if (opcode === 0) {
      this.requests.push("pcp announce");
      return head(0, 0).finish();
    }
    const nonce = reader.bytes(12);
    const protocol = reader.bytes(4);
    const [internalPort, wanted] = [reader.u16(), reader.u16()];
    this.requests.push(`pcp map ${internalPort}>${wanted} ${lifetimeS}`);
    const granted = this.#change("pcp", toHex(nonce), internalPort, wanted, lifetimeS);
    const address = mappedIpv4(parseIpv4(this.externalAddress)!);
    return head(granted.refusal, granted.lifetimeS)
      .bytes(nonce).bytes(protocol).u16(internalPort).u16(granted.port).bytes(address).finish();
  }

  #answerNatPmp(reader: ByteReader): Uint8Array | null {
    if (!this.spoken.has("natPmp")) return null;
    const opcode = reader.u16();
    const head = (result: number) => new ByteWriter().u8(0).u8(0x80 + opcode).u16(result).u32(this.#epochS());
    if (opcode === 0) {
      this.requests.push("natPmp address");
      return head(0).u32(parseIpv4(this.externalAddress)!).finish();
    }
    reader.u16();
    const [internalPort, wanted, lifetimeS] = [reader.u16(), reader.u16(), reader.u32()];
    this.requests.push(`natPmp map ${internalPort}>${wanted} ${lifetimeS}`);
    const granted = this.#change("natPmp", "", internalPort, wanted, lifetimeS);
    return head(granted.refusal).u16(internalPort).u16(granted.port).u32(granted.lifetimeS).finish();
  }

  #natPmpError(): Uint8Array {
    return new ByteWriter().u8(0).u8(0x80).u16(1).u32(this.#epochS()).finish();
  }

  /** Adds, renews or deletes; another client's port is left alone and the next one given. */
  #change(by: MapperName, nonce: string, internalPort: number, wanted: number, lifetimeS: number) {
    const refusal = this.refusals[by] ?? 0;
    if (refusal !== 0) return { refusal, port: 0, lifetimeS: 0 };
    const client = "192.168.1.2";
    const old = [...this.table].find(([, entry]) => entry.client === client && entry.internalPort === internalPort);
    if (lifetimeS === 0) {
      if (old !== undefined) this.table.delete(old[0]);
      return { refusal, port: 0, lifetimeS: 0 };
    }
    let port = old?.[0] ?? wanted;
    while (old === undefined && this.table.has(port)) port++;
    const granted = Math.min(lifetimeS, this.maxLifetimeS);
    this.table.set(port, { client, internalPort, lifetimeS: granted, nonce });
    return { refusal, port, lifetimeS: granted };
  }

  #answerSearch(text: string, to: Endpoint): Uint8Array | null {
    const device = /\r\nST: (\S+)\r\n/.exec(text)?.[1];
    if (!this.spoken.has("upnp")) return null;
    this.requests.push(`search ${ipv4Of(to) === parseIpv4("239.255.255.250") ? "group" : "gateway"}`);
    const location = `http://192.168.1.1:${this.controlPort}/root.xml`;
    return utf8(`HTTP/1.1 200 OK\r\nST: ${device}\r\nLOCATION: ${location}\r\nSERVER: fake\r\n\r\n`);
  }

  /** The answer to a request by HTTP. */
  answerHttp({ url, method, headers, body }: HttpRequest): HttpResponse {
    if (!this.spoken.has("upnp") || url.port !== this.controlPort) throw new Error("connection refused");
    const type = `urn:schemas-upnp-org:service:WANIPConnection:${this.serviceVersion}`;
    if (method === "GET") {
      const service = `<service><serviceType>${type}</serviceType><controlURL>/ctl</controlURL></service>`;
      return { status: 200, body: `<root><device><modelName>Fake router</modelName>${service}</device></root>` };
    }
    const action = headers["SOAPAction"]!.split("#")[1]!.replace('"', "");
    const argument = (name: string) => new RegExp(`<New${name}>([^<]*)</`).exec(body)?.[1] ?? "";
    const results = this.#callUpnp(action, argument);
    if (typeof results === "number") {
      const error = `<UPnPError><errorCode>${results}</errorCode><errorDescription>no</errorDescription></UPnPError>`;
      return { status: 500, body: `<e><Body><Fault><detail>${error}</detail></Fault></Body></e>` };
    }
    const fields = Object.entries(results).map(([name, value]) => `<New${name}>${value}</New${name}>`).join("");
    return { status: 200, body: `<e><Body><${action}Response>${fields}</${action}Response></Body></e>` };
  }

  #callUpnp(action: string, argument: (name: string) => string): Record<string, string | number> | number {
    const port = Number(argument("ExternalPort"));
    const entry = this.table.get(port);
    this.requests.push(`upnp ${action}${port === 0 ? "" : ` ${port}`}`);
    switch (action) {
      case "GetExternalIPAddress":
        return { ExternalIPAddress: this.externalAddress };
      case "AddPortMapping":
      case "AddAnyPortMapping": {
        if (this.refusals.upnp !== undefined) return this.refusals.upnp;
        const client = argument("InternalClient");
        const isTaken = entry !== undefined && entry.client !== client;
        if (isTaken && action === "AddPortMapping") return 718;
        const given = isTaken ? port + 100 : port;
        const internalPort = this.wrongInternalPort ?? Number(argument("InternalPort"));
        const lifetimeS = Math.min(Number(argument("LeaseDuration")), this.maxLifetimeS);
        this.table.set(given, { client, internalPort, lifetimeS, nonce: "" });
        return action === "AddPortMapping" ? {} : { ReservedPort: given };
      }
      case "GetSpecificPortMappingEntry": {
        if (!this.hasEntryAction) return 401;
        if (entry === undefined) return 714;
        const { client, internalPort, lifetimeS } = entry;
        return { InternalPort: internalPort, InternalClient: client, Enabled: 1, LeaseDuration: lifetimeS };
      }
      case "DeletePortMapping":
        return this.table.delete(port) ? {} : 714;
      default:
        return 401;
    }
  }
}
