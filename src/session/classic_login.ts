/**
 * What is particular to a login of suite 1 (docs/PROTOCOL.md, section 4), for both ends.
 *
 * Only AUTH OK and REGISTER OK prove the server's key, so until then the client does not know whom it talks to.
 *
 * @module
 */

import { equalBytes, toHex, utf8 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import {
  deriveKeymat,
  dhShared,
  generateDh,
  type RsaKeyPair,
  sha1,
  sha256,
  signEd25519,
  signRsa,
  sshRsaFingerprintSha1,
  verifyEd25519,
  verifyRsa,
  zeroize,
} from "../crypto/mod.ts";
import {
  CLASSIC_LENGTH,
  classicAuthInput,
  type ClassicExchangeValues,
  type ClassicHelo,
  classicInitiatorInput,
  classicLogin,
  type ClassicRegister,
  classicResponderInput,
  encodePlainFrame,
  FRAME,
  KEY_TYPE,
  LOGIN,
  registerProofInput,
  type ServerPin,
} from "../protocol/mod.ts";
import { type ControlStream, openClassicStream, type StreamSide } from "./control_stream.ts";
import type { ClientIdentity, ProvenKey } from "./login_types.ts";

/** What a client keeps between HELO and HELO OK. */
export interface ClassicLoginBegun {
  /** The whole HELO frame. */
  heloFrame: Uint8Array;
  /** Ni, 128 bytes. */
  nonceI: Uint8Array;
  /** Gi, 256 bytes. */
  publicValueI: Uint8Array;
  /** Secret. */
  privateKey: Uint8Array;
}

/** Both ends after HELO OK. */
export interface ClassicLoginAgreed {
  /** Protects what follows. */
  stream: ControlStream;
  /** SHA-256 of both HELO frames. */
  binding: Uint8Array;
  /** What the signatures cover. */
  values: ClassicExchangeValues;
}

/** Makes HELO. */
export function beginClassicLogin(pin: ServerPin, random: Random): ClassicLoginBegun {
  const { privateKey, publicValue: publicValueI } = generateDh(random);
  const nonceI = random.bytes(CLASSIC_LENGTH.nonce);
  const serverKfp = utf8(toHex(pin.rsaSha1).replace(/..(?!$)/g, "$&:"));
  const heloFrame = encodePlainFrame(FRAME.helo, classicLogin.helo.encode({ serverKfp, nonceI, publicValueI }));
  return { heloFrame, nonceI, publicValueI, privateKey };
}

/** Takes HELO OK. @throws {ProtocolError} when it is malformed or its public value is refused */
export function takeClassicHeloOk(
  begun: ClassicLoginBegun,
  heloOkFrame: Uint8Array,
  body: Uint8Array,
  random: Random,
): ClassicLoginAgreed {
  const { nonceI, publicValueI } = begun;
  const { nonceR, publicValueR } = classicLogin.heloOk.decode(body);
  const values = { nonceI, nonceR, publicValueI, publicValueR };
  const agreed = agree("client", begun.privateKey, values, [begun.heloFrame, heloOkFrame], random);
  if (agreed === null) throw new ProtocolError("public value of the server is refused");
  return agreed;
}

/** Answers HELO; null when its public value is refused. */
export function answerClassicHelo(
  helo: ClassicHelo,
  heloFrame: Uint8Array,
  random: Random,
): ClassicLoginAgreed & { heloOkFrame: Uint8Array } | null {
  const { privateKey, publicValue: publicValueR } = generateDh(random);
  const nonceR = random.bytes(CLASSIC_LENGTH.nonce);
  const heloOkFrame = encodePlainFrame(FRAME.heloOk, classicLogin.heloOk.encode({ nonceR, publicValueR }));
  const values = { nonceI: helo.nonceI, nonceR, publicValueI: helo.publicValueI, publicValueR };
  const agreed = agree("server", privateKey, values, [heloFrame, heloOkFrame], random);
  return agreed === null ? null : { ...agreed, heloOkFrame };
}

function agree(
  side: StreamSide,
  privateKey: Uint8Array,
  values: ClassicExchangeValues,
  frames: [Uint8Array, Uint8Array],
  random: Random,
): ClassicLoginAgreed | null {
  const { publicValueI, publicValueR } = values;
  const [peerValue, ownValue] = side === "client" ? [publicValueR, publicValueI] : [publicValueI, publicValueR];
  const shared = dhShared(privateKey, peerValue, ownValue);
  zeroize(privateKey);
  if (shared === null) return null;
  const keymat = deriveKeymat(shared, values.nonceI, values.nonceR);
  const stream = openClassicStream(side, keymat, random);
  zeroize(shared, keymat.cipherKey, keymat.macKey, keymat.confirmKey);
  return { stream, binding: sha256(...frames), values };
}

/** Whether a HELO is for the server that holds this key. */
export function isHeloFor(helo: ClassicHelo, rsa: RsaKeyPair): boolean {
  return equalBytes(helo.serverKfp, utf8(sshRsaFingerprintSha1(rsa.publicBlob)));
}

/** The plaintext of AUTH, or of REGISTER where there is no account yet. */
export function makeClassicAuth(identity: ClientIdentity, rsa: RsaKeyPair, agreed: ClassicLoginAgreed): Uint8Array {
  if (identity.address !== 0) {
    const signature = signRsa("sha1", rsa.privateKey, classicAuthInput(agreed.values));
    return classicLogin.auth.encode({ identity: identity.address, signature });
  }
  const input = (keyType: number, publicKey: Uint8Array) =>
    registerProofInput({ keyType, binding: agreed.binding, keyHash: sha256(publicKey) });
  const rsaProof = signRsa("sha256", rsa.privateKey, input(KEY_TYPE.sshRsa, rsa.publicBlob));
  const keys = [{ keyType: KEY_TYPE.sshRsa as number, publicKey: rsa.publicBlob, proof: rsaProof }];
  if (identity.ed25519 !== null) {
    const { privateKey, publicKey } = identity.ed25519;
    const proof = signEd25519(privateKey, input(KEY_TYPE.ed25519, publicKey));
    keys.push({ keyType: KEY_TYPE.ed25519, publicKey, proof });
  }
  return classicLogin.register.encode({ nick: identity.nick, keys });
}

/** How an AUTH signature stands to the key of an account. */
export type ClassicAuthVerdict = "holds" | "lacks cryptoSuite" | "wrong key";

/** Verifies the signature of AUTH under the key of the account. */
export function judgeClassicAuth(
  publicBlob: Uint8Array,
  signature: Uint8Array,
  values: ClassicExchangeValues,
): ClassicAuthVerdict {
  if (verifyRsa("sha1", publicBlob, classicAuthInput(values), signature)) return "holds";
  // Clients before 1.0.0.52 signed without cryptoSuite, the same bytes as a KE3. Never accepted, but named in the log.
  return verifyRsa("sha1", publicBlob, classicInitiatorInput(values), signature) ? "lacks cryptoSuite" : "wrong key";
}

/** Whether REGISTER offers one RSA key and at most one Ed25519 key. */
export function offersOneOfEach({ keys }: ClassicRegister): boolean {
  const count = (keyType: number) => keys.filter((key) => key.keyType === keyType).length;
  const [rsaCount, ed25519Count] = [count(KEY_TYPE.sshRsa), count(KEY_TYPE.ed25519)];
  return rsaCount === 1 && ed25519Count <= 1 && rsaCount + ed25519Count === keys.length;
}

/** The keys of REGISTER, or null unless each proof holds. */
export function provenKeys({ keys }: ClassicRegister, binding: Uint8Array): ProvenKey[] | null {
  const holds = keys.every(({ keyType, publicKey, proof }) => {
    const input = registerProofInput({ keyType, binding, keyHash: sha256(publicKey) });
    return keyType === KEY_TYPE.sshRsa
      ? verifyRsa("sha256", publicKey, input, proof)
      : verifyEd25519(publicKey, input, proof);
  });
  return holds ? keys.map(({ keyType, publicKey }) => ({ keyType, publicKey })) : null;
}

/** The plaintext of AUTH OK, or of REGISTER OK. */
export function makeClassicOk(
  rsa: RsaKeyPair,
  values: ClassicExchangeValues,
  address: number,
  isRegistration: boolean,
): Uint8Array {
  const signature = signRsa("sha1", rsa.privateKey, classicResponderInput(values));
  const proof = { publicKey: rsa.publicBlob, signature };
  return isRegistration ? classicLogin.registerOk.encode({ address, ...proof }) : classicLogin.authOk.encode(proof);
}

/** What AUTH OK or REGISTER OK says: the address, or null when the server's key or signature is not that of the pin. @throws {ProtocolError} */
export function readClassicOk(
  plaintext: Uint8Array,
  identity: ClientIdentity,
  pin: ServerPin,
  values: ClassicExchangeValues,
): number | null {
  const isRegistration = plaintext[0] === LOGIN.registerOk;
  const { address, publicKey, signature } = isRegistration
    ? classicLogin.registerOk.decode(plaintext)
    : { address: identity.address, ...classicLogin.authOk.decode(plaintext) };
  const isPinned = equalBytes(sha1(publicKey), pin.rsaSha1) && equalBytes(sha256(publicKey), pin.rsaSha256);
  return isPinned && verifyRsa("sha1", publicKey, classicResponderInput(values), signature) ? address : null;
}
