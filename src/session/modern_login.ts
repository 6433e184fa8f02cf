/**
 * What is particular to a login of suite 2 (docs/PROTOCOL.md, section 5), for both ends.
 *
 * The server proves itself in HELO OK; the client only then, inside the first protected message, so that nobody on the way
 * learns who logs in.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import {
  ed25519Fingerprint,
  type Ed25519KeyPair,
  generateMlkem,
  generateX25519,
  mlkemDecapsulate,
  mlkemEncapsulate,
  sha256,
  x25519Shared,
  zeroize,
} from "../crypto/mod.ts";
import {
  type AeadOffer,
  encodePlainFrame,
  FRAME,
  MODERN_LENGTH,
  modernClientInput,
  type ModernHelo,
  type ModernHeloOk,
  modernLogin,
  PURPOSE,
  type ServerPin,
} from "../protocol/mod.ts";
import { type ControlStream, openModernStream } from "./control_stream.ts";
import type { ClientIdentity } from "./login_types.ts";
import {
  agreeOnAead,
  deriveModernKeys,
  hashTranscript,
  identityMac,
  type ModernKeys,
  signModern,
  verifyIdentityMac,
  verifyModern,
  zeroizeModernKeys,
} from "./modern_keys.ts";

/** What an end says of itself. */
export interface ModernOffer {
  /** Suites it speaks. */
  suites: readonly number[];
  /** AEADs it can use. */
  offers: readonly AeadOffer[];
}

/** What a client keeps between HELO and HELO OK. */
export interface ModernLoginBegun {
  /** The whole HELO frame. */
  heloFrame: Uint8Array;
  /** What HELO says. */
  helo: ModernHelo;
  /** Secret. */
  x25519Private: Uint8Array;
  /** Secret. */
  decapsulationKey: Uint8Array;
}

/** Both ends after HELO OK. */
export interface ModernLoginAgreed {
  /** Protects what follows. */
  stream: ControlStream;
  /** SHA-256 of the transcript: names the connection. */
  th: Uint8Array;
  /** For the client's proof. */
  keys: ModernKeys;
}

const ZERO = new Uint8Array(MODERN_LENGTH.fingerprint);

/** Towards a server no capability is set: those are for tunnels. */
const NO_CAPABILITIES = 0;

/** Makes HELO. */
export function beginModernLogin(pin: ServerPin, own: ModernOffer, random: Random): ModernLoginBegun {
  const x25519 = generateX25519(random);
  const mlkem = generateMlkem(random);
  const helo = {
    serverFingerprint: ed25519Fingerprint(pin.ed25519),
    capabilities: NO_CAPABILITIES,
    suites: [...own.suites],
    offers: [...own.offers],
    nonceI: random.bytes(MODERN_LENGTH.nonce),
    x25519I: x25519.publicValue,
    encapsulationKey: mlkem.encapsulationKey,
  };
  const heloFrame = encodePlainFrame(FRAME.helo, modernLogin.helo.encode(helo));
  return { heloFrame, helo, x25519Private: x25519.privateKey, decapsulationKey: mlkem.decapsulationKey };
}

/** Takes HELO OK; null when it does not prove the pinned key. @throws {ProtocolError} when it is malformed or cannot be used */
export function takeModernHeloOk(
  { helo, x25519Private, decapsulationKey }: ModernLoginBegun,
  body: Uint8Array,
  pin: ServerPin,
): ModernLoginAgreed | null {
  const heloOk = modernLogin.heloOk.decode(body);
  const aead = agreeOnAead(helo.offers, heloOk.offers);
  if (aead === null) throw new ProtocolError("the server shares no AEAD with this client");
  const x25519Secret = x25519Shared(x25519Private, heloOk.x25519R);
  if (x25519Secret === null) throw new ProtocolError("public value of the server is refused");
  const mlkemSecret = mlkemDecapsulate(decapsulationKey, heloOk.ciphertext)!;
  const th = transcriptOf(helo, heloOk);
  const keys = deriveModernKeys(th, mlkemSecret, x25519Secret);
  zeroize(x25519Private, decapsulationKey, x25519Secret, mlkemSecret);
  const server = { side: "r", address: 0, fingerprint: helo.serverFingerprint } as const;
  const holds = verifyIdentityMac(keys, server, th, heloOk.mac) &&
    verifyModern(pin.ed25519, "login server", th, heloOk.signature);
  if (!holds) {
    zeroizeModernKeys(keys);
    return null;
  }
  return { stream: openModernStream("client", aead, keys), th, keys };
}

/** Why a HELO cannot be answered. */
export type ModernHeloFault = "no aead in common" | "key agreement was refused";

/** Answers HELO. */
export function answerModernHelo(
  helo: ModernHelo,
  server: ModernOffer & { ed25519: Ed25519KeyPair },
  random: Random,
): ModernLoginAgreed & { heloOkFrame: Uint8Array } | ModernHeloFault {
  const aead = agreeOnAead(server.offers, helo.offers);
  if (aead === null) return "no aead in common";
  const x25519 = generateX25519(random);
  const x25519Secret = x25519Shared(x25519.privateKey, helo.x25519I);
  const encapsulation = mlkemEncapsulate(helo.encapsulationKey, random.bytes(MODERN_LENGTH.nonce));
  zeroize(x25519.privateKey);
  if (x25519Secret === null || encapsulation === null) return "key agreement was refused";
  const said = {
    capabilities: NO_CAPABILITIES,
    suites: [...server.suites],
    offers: [...server.offers],
    nonceR: random.bytes(MODERN_LENGTH.nonce),
    x25519R: x25519.publicValue,
    ciphertext: encapsulation.ciphertext,
  };
  const th = transcriptOf(helo, said);
  const keys = deriveModernKeys(th, encapsulation.secret, x25519Secret);
  zeroize(x25519Secret, encapsulation.secret);
  const signature = signModern(server.ed25519.privateKey, "login server", th);
  const mac = identityMac(keys, { side: "r", address: 0, fingerprint: helo.serverFingerprint }, th);
  const heloOkFrame = encodePlainFrame(FRAME.heloOk, modernLogin.heloOk.encode({ ...said, signature, mac }));
  return { stream: openModernStream("server", aead, keys), th, keys, heloOkFrame };
}

function transcriptOf(helo: ModernHelo, heloOk: Omit<ModernHeloOk, "signature" | "mac">): Uint8Array {
  return hashTranscript({
    purpose: PURPOSE.login,
    suitesI: helo.suites,
    suitesR: heloOk.suites,
    offersI: helo.offers,
    offersR: heloOk.offers,
    capabilitiesI: helo.capabilities,
    capabilitiesR: heloOk.capabilities,
    addressI: 0,
    addressR: 0,
    fingerprintI: ZERO,
    fingerprintR: helo.serverFingerprint,
    spiI: 0,
    spiR: 0,
    epoch: 0,
    network: 0,
    nonceI: helo.nonceI,
    nonceR: heloOk.nonceR,
    x25519I: helo.x25519I,
    x25519R: heloOk.x25519R,
    encapsulationKey: helo.encapsulationKey,
    ciphertext: heloOk.ciphertext,
    binding: ZERO,
  });
}

/** Whether a HELO is for the server that holds this key. */
export function isModernHeloFor(helo: ModernHelo, ed25519: Ed25519KeyPair): boolean {
  return equalBytes(helo.serverFingerprint, ed25519Fingerprint(ed25519.publicKey));
}

/** The plaintext of AUTH, or of REGISTER where there is no account yet. */
export function makeModernAuth(
  identity: ClientIdentity,
  ed25519: Ed25519KeyPair,
  agreed: ModernLoginAgreed,
): Uint8Array {
  const { address, nick } = identity;
  const { publicKey, privateKey } = ed25519;
  const fingerprint = ed25519Fingerprint(publicKey);
  const th2 = sha256(modernClientInput(agreed.th, address, fingerprint));
  const mac = identityMac(agreed.keys, { side: "i", address, fingerprint }, agreed.th);
  if (address === 0) {
    const signature = signModern(privateKey, "register client", th2);
    return modernLogin.register.encode({ nick, publicKey, signature, mac });
  }
  const signature = signModern(privateKey, "login client", th2);
  return modernLogin.auth.encode({ address, publicKey, signature, mac });
}

/** What a client's AUTH or REGISTER claims. */
export interface ModernClaim {
  /** 0 in a REGISTER. */
  address: number;
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** 64 bytes. */
  signature: Uint8Array;
  /** 32 bytes. */
  mac: Uint8Array;
}

/** Whether an AUTH or a REGISTER proves its key over this exchange. */
export function claimHolds(claim: ModernClaim, isRegistration: boolean, { th, keys }: ModernLoginAgreed): boolean {
  const { address, publicKey, signature, mac } = claim;
  const fingerprint = ed25519Fingerprint(publicKey);
  const th2 = sha256(modernClientInput(th, address, fingerprint));
  return verifyIdentityMac(keys, { side: "i", address, fingerprint }, th, mac) &&
    verifyModern(publicKey, isRegistration ? "register client" : "login client", th2, signature);
}
