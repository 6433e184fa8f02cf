/**
 * Events, effects and parameters of the peer exchange (docs/PROTOCOL.md, section 8).
 *
 * @module
 */

import type { Endpoint } from "../base/ip.ts";
import type { AeadId, Ed25519KeyPair, RsaKeyPair } from "../crypto/mod.ts";
import type { AeadOffer, SuiteId } from "../protocol/mod.ts";

/** This end of a tunnel. */
export interface LocalParty {
  /** Our virtual address. */
  address: number;
  /** Needed for suite 2. */
  ed25519: Ed25519KeyPair | null;
  /** Needed for suite 1. */
  rsa: RsaKeyPair | null;
  /** Suites this client speaks. */
  suites: readonly number[];
  /** AEADs this client can use, measured; AES-256-GCM is always among them. */
  offers: readonly AeadOffer[];
  /** Bits of CAPABILITY. */
  capabilities: number;
}

/** The other end, as its pins and the server name it. */
export interface PeerParty {
  /** Its virtual address. */
  address: number;
  /** The key it must prove: 32 bytes of Ed25519 in suite 2, an ssh-rsa blob in suite 1. */
  publicKey: Uint8Array;
}

/** Where KE1 may come from without a cookie. */
export interface ExpectedSources {
  /** Candidates of the peer that the server named; the port may differ. */
  candidates: readonly Endpoint[];
  /** Relays in use for this tunnel. */
  relays: readonly Endpoint[];
}

/** What is fixed for a tunnel's life. */
export interface TunnelParameters {
  /** The highest that both ends speak; nothing that arrives can make it another one. */
  suite: SuiteId;
  /** The SPI we receive on. The end whose own is lower is the initiator. */
  localSpi: number;
  /** The SPI the peer receives on. */
  remoteSpi: number;
  /** Who we are. */
  local: LocalParty;
  /** Who must be at the other end. */
  peer: PeerParty;
}

/** What may change while a tunnel lives. */
export interface TunnelSettings {
  /** Where KE1 may come from. */
  sources: ExpectedSources;
  /** The peerSecret of each network common to both for which we hold one, by networkId. Suite 2 only. */
  networkSecrets: ReadonlyMap<number, Uint8Array>;
}

/** Keys of suite 2 for the data plane. Whoever receives them clears them after use. */
export interface ModernTunnelKeys {
  /** Tells them from those of suite 1. */
  suite: 2;
  /** 0-255. */
  epoch: number;
  /** The AEAD that both ends chose. */
  aead: AeadId;
  /** Whether both ends have signed that they want no encryption (section 14). */
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

/** Keys of suite 1 for the data plane: one pair for both directions. Whoever receives them clears them after use. */
export interface ClassicTunnelKeys {
  /** Tells them from those of suite 2. */
  suite: 1;
  /** Ke, 32 bytes. */
  cipherKey: Uint8Array;
  /** Ka, 20 bytes. */
  macKey: Uint8Array;
  /** Id of the first datagram that the data plane seals; those before belong to CONFIRM. */
  firstSequence: number;
}

/** What an exchange wants done, in order. `localSpi` names the tunnel. */
export type ExchangeEffect =
  /** Send control datagrams to one endpoint, or, where `to` is null, along every path that may work: relays first, then candidates. */
  | { do: "send"; localSpi: number; to: Endpoint | null; datagrams: Uint8Array[] }
  /** Give keys to the data plane; "open": keep sealing with the old ones, if there are any. `from` is where the peer was heard. */
  | {
    do: "installKeys";
    localSpi: number;
    keys: ModernTunnelKeys | ClassicTunnelKeys;
    use: "open" | "both";
    /** Bits of CAPABILITY that the peer has signed; 0 in suite 1. */
    peerCapabilities: number;
    from: Endpoint;
  }
  /** Seal with keys that were installed for opening. Suite 1: epoch 0. */
  | { do: "useKeys"; localSpi: number; epoch: number }
  /** Seal an inner frame and send it to an endpoint, or along the path in use. */
  | { do: "sendFrame"; localSpi: number; to: Endpoint | null; frameType: number; payload: Uint8Array }
  /** Call `onTimer(localSpi)` after `ms`, instead of an earlier one. */
  | { do: "arm"; localSpi: number; ms: number }
  /** No timer for this tunnel any more. */
  | { do: "disarm"; localSpi: number }
  /** The peer has proved its key and both ends have the keys. Now it may be pinned. */
  | { do: "established"; localSpi: number; suite: SuiteId; epoch: number; isRekey: boolean; from: Endpoint }
  /** The exchange ended without keys; those before it stay. Only initiators give up. */
  | { do: "fail"; localSpi: number; reason: ExchangeFailure }
  /** A datagram was dropped without an answer (or with COOKIE): for counters and tests. */
  | { do: "drop"; localSpi: number | null; reason: DropReason };

/** Why an initiator gave up. */
export type ExchangeFailure =
  /** Nothing that holds answered KE1. */
  | "no answer"
  /** KE2 held, but nothing answered KE3. */
  | "no confirmation";

/** Why a datagram was dropped; the order is that of the checks. */
export type DropReason =
  | "malformed"
  | "unknown SPI"
  | "other suite"
  | "not the responder"
  | "not the initiator"
  | "exchange completed just now"
  | "source needs a cookie"
  | "too many from this source"
  | "another exchange is half open"
  | "too many half-open exchanges"
  | "cookie demanded under load"
  | "unexpected epoch"
  | "network secret differs"
  | "no AEAD in common"
  | "not expected now"
  | "hash does not match"
  | "public value refused"
  | "identity does not hold"
  | "confirmation does not hold"
  | "repeated too often";
