import type { SocketPort } from "./data_path.ts";
import type { Tunnel } from "./tunnel.ts";

/** Most of them at a time; a home router's table of mappings holds a few thousand. */
export const MAX_EXTRA_SOCKETS = 1024;

/** A UDP socket beside the one of all tunnels, on any port. */
export interface ExtraSocket {
  /** Sends and receives like the other, through the same messages. */
  readonly port: SocketPort;
  /** Closes it. */
  close(): void;
}

/**
 * Opens one and has the thread call {@linkcode DataPlaneCore.fromExtraSocket} with `slot` when it is readable; null when the
 * system has no more.
 */
export type ExtraSocketOpener = (slot: number) => ExtraSocket | null;

/**
 * Sockets opened to look through a NAT that gives each destination another port (PROTOCOL.md section 11.2). They stand in
 * slots. One on which a tunnel's peer was heard is that tunnel's own from then on; the others are closed when the search ends.
 */
export class ExtraSockets {
  readonly #open: ExtraSocketOpener;
  readonly #slots: (ExtraSocket | undefined)[] = [];
  readonly #owners = new Map<number, Tunnel>();
  /** Slots of those that the last search opened, in that order. */
  #search: number[] = [];

  /** None yet. */
  constructor(open: ExtraSocketOpener) {
    this.#open = open;
  }

  /** How many are open. */
  get count(): number {
    return this.#slots.filter((socket) => socket !== undefined).length;
  }

  /** Begins a search with as many new sockets, or fewer where there is no room for them. */
  openForSearch(count: number): void {
    this.closeSearch();
    for (let slot = 0; this.#search.length < count && slot < MAX_EXTRA_SOCKETS; slot++) {
      if (this.#slots[slot] !== undefined) continue;
      const socket = this.#open(slot);
      if (socket === null) return;
      this.#slots[slot] = socket;
      this.#search.push(slot);
    }
  }

  /** Closes the sockets of the search that no tunnel has taken. */
  closeSearch(): void {
    for (const slot of this.#search) if (!this.#owners.has(slot)) this.#close(slot);
    this.#search = [];
  }

  /** The `number`-th socket of the search, from 0. */
  ofSearch(number: number): SocketPort | undefined {
    const slot = this.#search[number];
    return slot === undefined ? undefined : this.#slots[slot]?.port;
  }

  /** How many sockets the search has. */
  get searchCount(): number {
    return this.#search.length;
  }

  /** The socket in a slot. */
  inSlot(slot: number): SocketPort | undefined {
    return this.#slots[slot]?.port;
  }

  /** The peer of `tunnel` was heard on the socket in `slot`: it is the tunnel's own. False when it, or the tunnel, is taken. */
  take(slot: number, tunnel: Tunnel): boolean {
    if (tunnel.hasOwnSocket || this.#owners.has(slot)) return false;
    this.#owners.set(slot, tunnel);
    return true;
  }

  /** Closes the socket that is the tunnel's own, if there is one. */
  release(tunnel: Tunnel): void {
    for (const [slot, owner] of this.#owners) {
      if (owner !== tunnel) continue;
      this.#owners.delete(slot);
      this.#close(slot);
    }
    tunnel.setOwnSocket(null);
  }

  /** Closes all. */
  close(): void {
    this.#slots.forEach((_, slot) => this.#close(slot));
    this.#owners.clear();
    this.#search = [];
  }

  #close(slot: number): void {
    this.#slots[slot]?.close();
    this.#slots[slot] = undefined;
  }
}
