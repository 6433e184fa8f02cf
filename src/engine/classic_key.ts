/**
 * Gives an account of suite 2 this client's key of suite 1, so that it can be used in both (docs/PROTOCOL.md, section 6: ADD
 * KEY). The other way needs nothing: REGISTER of suite 1 offers both keys.
 *
 * @module
 */
import { type RsaKeyPair, signRsa, sshRsaFingerprintSha256 } from "../crypto/mod.ts";
import { addKeyProofInput, type ControlMessageOf, KEY_TYPE } from "../protocol/mod.ts";

/** ADD KEY with the RSA key. `binding`: names the connection over which it is sent, 32 bytes. */
export function addClassicKey(
  { publicBlob, privateKey }: RsaKeyPair,
  binding: Uint8Array,
): Omit<ControlMessageOf<"addKey">, "requestId"> {
  const keyType = KEY_TYPE.sshRsa;
  const signed = addKeyProofInput({ keyType, binding, keyHash: sshRsaFingerprintSha256(publicBlob) });
  return { type: "addKey", keyType, publicKey: publicBlob, proof: signRsa("sha256", privateKey, signed) };
}
