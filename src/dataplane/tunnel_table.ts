import { cidr4Contains } from "../base/ip.ts";
import { MAX_TUNNELS } from "./arena.ts";
import type { Tunnel } from "./tunnel.ts";
import type { Overlay } from "./types.ts";

const IPV6_SOURCE = 8;
const IPV6_DESTINATION = 24;
const IPV4_SOURCE = 12;
const IPV4_DESTINATION = 16;

/** Tunnels by inbound SPI and by virtual address, and who we are. Keys are signed numbers, so that no look-up allocates. */
export class TunnelTable {
  readonly #bySpi = new Map<number, Tunnel>();
  readonly #byAddress = new Map<number, Tunnel>();
  readonly #freePlaces: number[] = [];
  #placeCount = 0;
  #overlay: Overlay | null = null;
  /** Our virtual address and the three words of the IPv6 prefix, as signed numbers. */
  #own = 0;
  readonly #prefix = new Int32Array(3);

  /** All tunnels. */
  get all(): Iterable<Tunnel> {
    return this.#bySpi.values();
  }

  /** Says who we are. */
  setOverlay(overlay: Overlay): void {
    const words = new DataView(overlay.prefix6.buffer, overlay.prefix6.byteOffset, 12);
    for (let index = 0; index < 3; index++) this.#prefix[index] = words.getInt32(index * 4);
    this.#own = overlay.virtualAddress | 0;
    this.#overlay = overlay;
  }

  /** A place in the arena that no tunnel has; {@linkcode MAX_TUNNELS} when all are taken. */
  takePlace(): number {
    return this.#freePlaces.pop() ?? Math.min(this.#placeCount++, MAX_TUNNELS);
  }

  /** Adds a tunnel with a place from {@linkcode takePlace} and an SPI that no other has. */
  add(tunnel: Tunnel): void {
    this.#bySpi.set(tunnel.options.localSpi | 0, tunnel);
  }

  /** The tunnel with this inbound SPI, signed or not. */
  bySpi(spi: number): Tunnel | undefined {
    return this.#bySpi.get(spi | 0);
  }

  /** The tunnel to this virtual address, signed or not. */
  byAddress(virtualAddress: number): Tunnel | undefined {
    return this.#byAddress.get(virtualAddress | 0);
  }

  /** Forgets a tunnel, its routes and its keys. */
  remove(tunnel: Tunnel): void {
    for (const [address, routed] of this.#byAddress) if (routed === tunnel) this.#byAddress.delete(address);
    tunnel.protection.close();
    this.#bySpi.delete(tunnel.options.localSpi | 0);
    this.#freePlaces.push(tunnel.place);
  }

  /** Sends packets for an address through a tunnel. */
  route(virtualAddress: number, tunnel: Tunnel): void {
    this.#byAddress.set(virtualAddress | 0, tunnel);
  }

  /** Ends that. */
  unroute(virtualAddress: number): void {
    this.#byAddress.delete(virtualAddress | 0);
  }

  /** Whether the source of the packet at `at` is `virtualAddress` (signed), in the form that fits the packet's version. */
  hasSource(view: DataView, at: number, version: number, virtualAddress: number): boolean {
    if (version === 4) return view.getInt32(at + IPV4_SOURCE) === virtualAddress;
    return this.#hasPrefix(view, at + IPV6_SOURCE) && view.getInt32(at + IPV6_SOURCE + 12) === virtualAddress;
  }

  /** Whether the packet at `at` comes from us. */
  isFromUs(view: DataView, at: number, version: number): boolean {
    return this.#overlay !== null && this.hasSource(view, at, version, this.#own);
  }

  /** Whether the packet at `at` is for us. */
  isForUs(view: DataView, at: number, version: number): boolean {
    return this.#overlay !== null && this.destinationOf(view, at, version) === this.#own;
  }

  /** The virtual address (signed) that the packet at `at` is for, or 0 when that is outside the overlay's pool. */
  destinationOf(view: DataView, at: number, version: number): number {
    const isVersion4 = version === 4;
    if (!isVersion4 && !this.#hasPrefix(view, at + IPV6_DESTINATION)) return 0;
    const address = view.getInt32(isVersion4 ? at + IPV4_DESTINATION : at + IPV6_DESTINATION + 12);
    return this.#overlay !== null && cidr4Contains(this.#overlay.pool, address >>> 0) ? address : 0;
  }

  #hasPrefix(view: DataView, at: number): boolean {
    const prefix = this.#prefix;
    return this.#overlay !== null && view.getInt32(at) === prefix[0] && view.getInt32(at + 4) === prefix[1] &&
      view.getInt32(at + 8) === prefix[2];
  }
}
