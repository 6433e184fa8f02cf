/** Parties of the conversations under test. Ed25519 keys follow from a name; RSA keys are made once per run. */

import type { Endpoint } from "../../src/base/ip.ts";
import { mappedIpv4 } from "../../src/base/ip.ts";
import {
  ed25519FromSeed,
  type Ed25519KeyPair,
  generateRsaKeyPair,
  type RsaKeyPair,
  rsaKeyPairFromPkcs8,
  sha1,
  sha256,
} from "../../src/crypto/mod.ts";
import { utf8 } from "../../src/base/bytes.ts";
import type { AeadOffer, ServerPin } from "../../src/protocol/mod.ts";
import type { ClientIdentity, LocalParty, PeerParty, ServerLoginOptions } from "../../src/session/mod.ts";
import { hex, readVectors } from "../crypto/vectors.ts";

/** AES-256-GCM is the faster one at both ends. */
export const OFFERS: AeadOffer[] = [{ aead: 1, costNs: 500 }, { aead: 2, costNs: 900 }];

/** The Ed25519 pair of a name. */
export function ed25519Of(name: string): Ed25519KeyPair {
  return ed25519FromSeed(sha256(utf8(name)));
}

const known = rsaKeyPairFromPkcs8(hex(readVectors("rsa_2048.json").privateKeyPkcs8));
const [second, third] = await Promise.all([generateRsaKeyPair(), generateRsaKeyPair()]);

/** Three RSA pairs. */
export const RSA: readonly [RsaKeyPair, RsaKeyPair, RsaKeyPair] = [known, second, third];

/** A server. */
export const SERVER: ServerLoginOptions = {
  ed25519: ed25519Of("server"),
  rsa: RSA[0],
  suites: [2, 1],
  offers: OFFERS,
};

/** What an invite says of a server. */
export function pinOf(server: ServerLoginOptions): ServerPin {
  const blob = server.rsa?.publicBlob ?? new Uint8Array();
  return { ed25519: server.ed25519.publicKey, rsaSha1: sha1(blob), rsaSha256: sha256(blob) };
}

/** A client with both keys; address 0 registers. */
export function clientIdentity(address: number): ClientIdentity {
  return { address, nick: "alice", ed25519: ed25519Of("alice"), rsa: RSA[1] };
}

/** An end of a tunnel with both keys. */
export function localParty(name: string, address: number, rsa: RsaKeyPair): LocalParty {
  return { address, ed25519: ed25519Of(name), rsa, suites: [2, 1], offers: OFFERS, capabilities: 1 };
}

/** The same end as the other one must see it. */
export function peerParty({ address, ed25519, rsa }: LocalParty, suite: 1 | 2): PeerParty {
  return { address, publicKey: suite === 2 ? ed25519!.publicKey : rsa!.publicBlob };
}

/** 192.0.2.`host`:`port`. */
export function endpoint(host: number, port: number = 40000): Endpoint {
  return { address: mappedIpv4((0xc0000200 | host) >>> 0), port };
}
