/**
 * What both ends of a suite 2 exchange compute (docs/PROTOCOL.md, sections 5 and 8.3).
 *
 * @module
 */

import type { AeadId } from "../crypto/mod.ts";
import { CAPABILITY, MODERN_LENGTH, type ModernKe1a, type ModernKe2a, PURPOSE } from "../protocol/mod.ts";
import { endsOf, isInitiator, type Tunnel } from "./exchange_machine.ts";
import type { ModernTunnelKeys } from "./exchange_types.ts";
import { hashTranscript, type ModernKeys } from "./modern_keys.ts";

/** Which network's secret an exchange is bound to. */
export interface NetworkBinding {
  /** 0 = none. */
  network: number;
  /** The network's peerSecret, or 32 zero bytes. */
  binding: Uint8Array;
}

const NO_BINDING = new Uint8Array(MODERN_LENGTH.fingerprint);

/** What an initiator binds an exchange to: the lowest common network for which it holds a secret. */
export function bindingToOffer({ networkSecrets }: Tunnel): NetworkBinding {
  if (networkSecrets.size === 0) return { network: 0, binding: NO_BINDING };
  const network = Math.min(...networkSecrets.keys());
  return { network, binding: networkSecrets.get(network)! };
}

/** What a responder binds it to, or null when the initiator named a network we hold no secret of, or none while we hold one. */
export function bindingToAccept({ networkSecrets }: Tunnel, network: number): Uint8Array | null {
  if (network === 0) return networkSecrets.size === 0 ? NO_BINDING : null;
  return networkSecrets.get(network) ?? null;
}

/** What was said in an exchange; KE2a without its proofs. */
export interface Said {
  /** First half of KE1. */
  ke1a: ModernKe1a;
  /** ek of KE1b. */
  encapsulationKey: Uint8Array;
  /** First half of KE2, without what proves the responder. */
  ke2a: Pick<ModernKe2a, "suites" | "offers" | "capabilities" | "nonceR" | "x25519R">;
  /** ct of KE2b. */
  ciphertext: Uint8Array;
  /** The network's peerSecret, or zeros. */
  binding: Uint8Array;
}

/** `th` of a peer exchange. */
export function hashPeerTranscript(
  tunnel: Tunnel,
  { ke1a, encapsulationKey, ke2a, ciphertext, binding }: Said,
): Uint8Array {
  const { initiator, responder } = endsOf(tunnel);
  return hashTranscript({
    purpose: PURPOSE.peers,
    suitesI: ke1a.suites,
    suitesR: ke2a.suites,
    offersI: ke1a.offers,
    offersR: ke2a.offers,
    capabilitiesI: ke1a.capabilities,
    capabilitiesR: ke2a.capabilities,
    addressI: initiator.address,
    addressR: responder.address,
    fingerprintI: initiator.fingerprint,
    fingerprintR: responder.fingerprint,
    spiI: initiator.spi,
    spiR: responder.spi,
    epoch: ke1a.epoch,
    network: ke1a.network,
    nonceI: ke1a.nonceI,
    nonceR: ke2a.nonceR,
    x25519I: ke1a.x25519I,
    x25519R: ke2a.x25519R,
    encapsulationKey,
    ciphertext,
    binding,
  });
}

/** Sequences of a key begin at 1. */
const FIRST_SEQUENCE = 1;

/** What both ends have agreed on, besides the keys themselves. */
export interface Terms {
  /** Of the keys. */
  epoch: number;
  /** The AEAD that both ends chose. */
  aead: AeadId;
  /** Capabilities of either end as it has signed them. */
  capabilities: readonly [number, number];
}

/** The keys of an exchange as the data plane of one end takes them. */
export function tunnelKeysOf(keys: ModernKeys, tunnel: Tunnel, { epoch, aead, capabilities }: Terms): ModernTunnelKeys {
  const [seal, open] = isInitiator(tunnel) ? [keys.dataI, keys.dataR] : [keys.dataR, keys.dataI];
  return {
    suite: 2,
    epoch,
    aead,
    isPlain: capabilities.every((bits) => (bits & CAPABILITY.plainTunnels) !== 0),
    sealKey: seal.key.slice(),
    sealSalt: seal.salt.slice(),
    openKey: open.key.slice(),
    openSalt: open.salt.slice(),
    firstSequence: FIRST_SEQUENCE,
  };
}
