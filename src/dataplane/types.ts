/** What the control plane says to the data plane and hears from it. */
import type { Cidr4, Endpoint } from "../base/ip.ts";
import type { AeadId } from "../crypto/aead.ts";
import type { SuiteId } from "../protocol/constants.ts";

/** Keys of suite 2, of one epoch. The data plane copies them; whoever made them clears them. */
export interface TunnelKeys {
  /** Which slot a datagram's first sequence byte names, 0-255. */
  epoch: number;
  /** 1 = AES-256-GCM, 2 = ChaCha20-Poly1305. */
  aead: AeadId;
  /** Whether frames are authenticated and not encrypted (PROTOCOL.md, section 14). */
  isPlain: boolean;
  /** 32 bytes, for what we send. */
  sealKey: Uint8Array;
  /** 12 bytes. */
  sealSalt: Uint8Array;
  /** 32 bytes, for what we receive. */
  openKey: Uint8Array;
  /** 12 bytes. */
  openSalt: Uint8Array;
  /** Sequence of the first datagram that the data plane seals. */
  firstSequence: number;
}

/** Keys of suite 1: one pair for both directions. */
export interface ClassicKeys {
  /** Ke, 32 bytes. */
  cipherKey: Uint8Array;
  /** Ka, 20 bytes. */
  macKey: Uint8Array;
  /** Id of the first datagram that the data plane seals; those before it belong to the exchange. */
  firstSequence: number;
}

/** What is fixed for a tunnel's life. */
export interface TunnelOptions {
  /** In datagrams to us; at least 256. */
  localSpi: number;
  /** In datagrams to the peer. */
  remoteSpi: number;
  /** Form of its datagrams. */
  suite: SuiteId;
  /** The peer's IPv4 address in the overlay; packets from another source are dropped. */
  virtualAddress: number;
  /** Whether the peer takes frames of type 0x02. */
  peerAcceptsPartialChecksum: boolean;
}

/** Our own place in the overlay. */
export interface Overlay {
  /** Our IPv4 address; our IPv6 address is `prefix6` and these four bytes. */
  virtualAddress: number;
  /** Destinations outside of it are dropped. */
  pool: Cidr4;
  /** The first 12 bytes of every member's IPv6 address. */
  prefix6: Uint8Array;
}

/** Counters of one tunnel since it was added. */
export interface TunnelStats {
  /** Which tunnel. */
  localSpi: number;
  /** Bytes of inner packets delivered to the device. */
  bytesIn: number;
  /** Number of inner packets delivered to the device. */
  packetsIn: number;
  /** Bytes of inner packets sealed. */
  bytesOut: number;
  /** Number of inner packets sealed. */
  packetsOut: number;
  /** Authentic datagrams and frames that were not delivered, by any of the rules. */
  dropsIn: number;
  /** Packets that could not be sent. */
  dropsOut: number;
  /** Milliseconds since the last authentic datagram, or null if there was none. */
  idleInMs: number | null;
}

/** What the data plane has counted since it started; the names of {@linkcode DataPlaneCounters.drops} are those of `drops.ts`. */
export interface DataPlaneCounters {
  /** Reads of the device, each of a packet or a super-packet. */
  deviceReads: number;
  /** Writes to the device, likewise. */
  deviceWrites: number;
  /** Packets handed over in those writes. */
  packetsWritten: number;
  /** Sends that the system took, each of a datagram or a train of them. */
  sends: number;
  /** Datagrams in those sends. */
  datagramsSent: number;
  /** Receives, likewise. */
  receives: number;
  /** Datagrams in those receives. */
  datagramsReceived: number;
  /** Everything that was dropped, by reason; each drop is silent on the wire. */
  drops: Record<string, number>;
  /** Objects on the worker's heap, in bytes; steady while packets flow, because none of them makes one. */
  heapBytes: number;
}

/** How long one AEAD takes on this machine. */
export interface AeadCost {
  /** Which AEAD. */
  aead: AeadId;
  /** Nanoseconds to seal 1,350 bytes. */
  costNs: number;
}

/** What happened in the data plane. */
export type DataPlaneEvent =
  /** A datagram whose first word is 0. Authenticated by nothing; its rate is limited. */
  | { on: "control"; from: Endpoint; datagram: Uint8Array }
  /** An authentic frame that is not a packet, a keepalive, a probe or an answer to one. */
  | {
    on: "frame";
    localSpi: number;
    from: Endpoint;
    /** 0 in suite 1. */
    epoch: number;
    sequence: number;
    /** Whether no authentic datagram of a higher sequence came before. */
    isNewest: boolean;
    frameType: number;
    payload: Uint8Array;
  }
  /** The peer answered a PROBE that was sent with `sendFrame`. `seenAs` is our endpoint as the peer saw it. */
  | { on: "probeAnswer"; localSpi: number; from: Endpoint; probeId: bigint; rttMs: number; seenAs: Endpoint }
  /** The first authentic datagram under keys that were installed for opening only. */
  | { on: "keysConfirmed"; localSpi: number; epoch: number }
  /** The keys come to their limits, or packets wait and there are none. Repeated every 5 s while it is so. */
  | { on: "rekeyWanted"; localSpi: number }
  /** A packet for an address without a tunnel. At most once a second and address. */
  | { on: "tunnelWanted"; virtualAddress: number }
  /** The newest authentic datagram came from elsewhere than our path. At most ten times a second and tunnel. */
  | { on: "roamed"; localSpi: number; from: Endpoint }
  /** Nothing works any more; `stop` still must be called. */
  | { on: "failed"; reason: string };

/** The main thread's side of the worker that moves packets. Calls are carried out in order and soon, not at once. */
export interface DataPlane {
  /** The UDP port of all tunnels. */
  readonly port: number;
  /** Measured at start; AES-256-GCM first. */
  readonly aeadCosts: readonly AeadCost[];
  /** Says who we are. Until then no packet passes. @throws {RangeError} for a prefix of another length. */
  setOverlay(overlay: Overlay): void;
  /**
   * Makes a tunnel known; one with the same localSpi is replaced. It has no keys and no path yet.
   * @throws {RangeError} for a localSpi below 256, or when there are 4,096 already.
   */
  addTunnel(tunnel: TunnelOptions): void;
  /**
   * Accepts datagrams under `keys`; with "both" also seals with them from now on. The keys are copied before it returns.
   * @throws {RangeError} for keys or salts of another length.
   */
  installKeys(localSpi: number, keys: TunnelKeys | ClassicKeys, use: "open" | "both"): void;
  /** Seals with keys that were installed for opening; the former ones open for another 10 s. Suite 1: epoch 0. */
  useKeys(localSpi: number, epoch: number): void;
  /** Where this tunnel's datagrams go; null holds its first packets back. */
  setPath(localSpi: number, endpoint: Endpoint | null): void;
  /**
   * How long this tunnel's datagrams with packets may be: longer packets are answered with ICMP "too big", and TCP is held
   * to segments that fit. `length` is that of the UDP payload; without it there is no limit. It outlives a change of path.
   */
  setMaxDatagramLength(localSpi: number, length: number): void;
  /**
   * Seals one frame and sends it to `endpoint`, or along the path when that is null.
   * @throws {RangeError} for more than 1,500 bytes.
   */
  sendFrame(localSpi: number, endpoint: Endpoint | null, frameType: number, payload: Uint8Array): void;
  /** Sends a control datagram as it is. @throws {RangeError} for more than 1,500 bytes. */
  sendDatagram(endpoint: Endpoint, bytes: Uint8Array): void;
  /**
   * Opens up to `count` further sockets on any ports and closes those of the search before. What comes in on them is
   * treated and told like everything else. The first on which an authentic datagram of a tunnel arrives is that tunnel's
   * own from then on: whatever it sends to where that came from leaves there.
   */
  openSearch(count: number): void;
  /** Closes the sockets of the search that are no tunnel's own. */
  closeSearch(): void;
  /** Sends a control datagram from the `socket`-th socket of the search, from 0. @throws {RangeError} as `sendDatagram` */
  searchDatagram(socket: number, endpoint: Endpoint, bytes: Uint8Array): void;
  /** Seals a frame for each socket of the search, and sends each from its own. @throws {RangeError} as `sendFrame` */
  searchFrame(localSpi: number, endpoint: Endpoint, frameType: number, payload: Uint8Array): void;
  /** Closes a tunnel's own socket: it leads nowhere any more. */
  dropOwnSocket(localSpi: number): void;
  /** Packets to and from this address use this tunnel. */
  route(virtualAddress: number, localSpi: number): void;
  /** No packet to or from this address passes any more. */
  unroute(virtualAddress: number): void;
  /** Nobody has this address: answers the packets that wait for it with ICMP "unreachable". */
  refuse(virtualAddress: number): void;
  /** Forgets a tunnel, its keys and its routes. */
  removeTunnel(localSpi: number): void;
  /** Counters of all tunnels. */
  stats(): Promise<TunnelStats[]>;
  /** Counters of the whole. */
  counters(): Promise<DataPlaneCounters>;
  /** Ends the worker and closes the socket; the device stays open. A second call waits for the first. */
  stop(): Promise<void>;
  /** Adds a listener, which is called on the main thread for each event in order. */
  onEvent(listener: (event: DataPlaneEvent) => void): void;
}
