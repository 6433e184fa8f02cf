/**
 * Which tunnels may go without encryption as far as it is up to this end (docs/PROTOCOL.md, section 14).
 *
 * The user names the peer, by the key that it has proved: another key under the same address is another peer. The server
 * can only forbid: that a network allows it changes nothing for peers that were not named.
 *
 * @module
 */
import { toHex } from "../base/bytes.ts";
import { parseIpv4 } from "../base/ip.ts";
import { ControlError, type PeerView } from "../ipc/schema.ts";
import type { Account } from "./account.ts";
import type { KnownPeer } from "./networks_view.ts";
import type { PeerPin, StoredSettings } from "./state_files.ts";

/** Most peers that can be named. */
const MAX_PEERS = 4096;

/** The peers that the user has named, by the fingerprints of their keys of suite 2. */
export class PlainPeers {
  readonly #settings: Pick<StoredSettings, "plainPeers">;
  readonly #save: (plainPeers: string[]) => void;

  /** `settings`: as stored; changed here and kept with `save`, which throws where it cannot. */
  constructor(settings: Pick<StoredSettings, "plainPeers">, save: (plainPeers: string[]) => void) {
    this.#settings = settings;
    this.#save = save;
  }

  /** Whether the peer with this key was named; null = it has none. */
  has(fingerprint: Uint8Array | null): boolean {
    return fingerprint !== null && this.#settings.plainPeers.includes(toHex(fingerprint));
  }

  /** Whether a tunnel with a peer of this key may go without encryption now, if the peer says so as well. */
  allow(peer: KnownPeer | null, fingerprint: Uint8Array | null): boolean {
    return peer?.allowsPlain === true && this.has(fingerprint);
  }

  /** Names a peer, or takes that back. @throws {ControlError} `limitReached` */
  set(fingerprint: Uint8Array, isNamed: boolean): void {
    if (this.has(fingerprint) === isNamed) return;
    const others = this.#settings.plainPeers.filter((each) => each !== toHex(fingerprint));
    if (isNamed && others.length >= MAX_PEERS) throw new ControlError("limitReached");
    const plainPeers = isNamed ? [...others, toHex(fingerprint)] : others;
    // What is taken back counts even where that cannot be kept.
    if (!isNamed) this.#settings.plainPeers = plainPeers;
    this.#save(plainPeers);
    this.#settings.plainPeers = plainPeers;
  }
}

/** What naming a peer works with. */
export interface PlainPeersAccount {
  /** The pins, and who hears that tunnels have to be made anew. */
  account: Pick<Account, "trust" | "peers">;
  /** See {@linkcode PlainPeers}. */
  plainPeers: PlainPeers;
}

/**
 * The user names a peer, or takes that back; a tunnel that is otherwise is made anew.
 *
 * @throws {ControlError} `peerKeyRefused` where no key of the peer is pinned: it could be anybody's
 */
export function namePlainPeer({ account, plainPeers }: PlainPeersAccount, peer: PeerView, isNamed: boolean): void {
  const fingerprint = pinOf(account, peer)?.ed25519 ?? null;
  if (fingerprint === null) {
    if (!isNamed) return;
    throw new ControlError(
      "peerKeyRefused",
      "Have an encrypted tunnel with it first, or pin its key by verify --install.",
    );
  }
  try {
    plainPeers.set(fingerprint, isNamed);
  } finally {
    account.peers?.plainChanged();
  }
}

function pinOf(account: PlainPeersAccount["account"], peer: PeerView): PeerPin | undefined {
  return account.trust.pins.get(parseIpv4(peer.address4)!);
}
