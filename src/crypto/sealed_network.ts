/**
 * Secrets of a sealed network (docs/PROTOCOL.md, section 7): the password never leaves the client.
 *
 *     salt = first 16 bytes of SHA-256("buri sealed network" | 0 | server key 32 | name key)
 *     Argon2id(password, salt) = join secret 32 | peer secret 32
 *
 * @module
 */

import { utf8 } from "../base/bytes.ts";
import { deriveFromPassword } from "./argon2id.ts";
import { ED25519_PUBLIC_LENGTH } from "./ed25519.ts";
import { sha256 } from "./hash.ts";
import { requireLength, zeroize } from "./secret.ts";

/** What a network's password turns into. */
export interface NetworkSecrets {
  /** Shown to the server, which keeps its hash: 32 bytes. */
  joinSecret: Uint8Array;
  /** Never shown to the server; the `binding` of tunnels within the network: 32 bytes. */
  peerSecret: Uint8Array;
}

const SALT_LENGTH = 16;
const SECRET_LENGTH = 32;

/**
 * Derives the secrets of a network; takes about 0.3 s.
 *
 * @param password UTF-8 of the password, NFC, not empty
 * @param serverKey the server's Ed25519 public key, 32 bytes: no server learns anything useful at another
 * @param nameKey UTF-8 of the network's name key
 */
export function deriveNetworkSecrets(
  password: Uint8Array,
  serverKey: Uint8Array,
  nameKey: Uint8Array,
): NetworkSecrets {
  if (password.length === 0) throw new RangeError("Cannot derive network secrets: the password is empty");
  requireLength("the server's key", serverKey, ED25519_PUBLIC_LENGTH);
  const salt = sha256(utf8("buri sealed network\0"), serverKey, nameKey).subarray(0, SALT_LENGTH);
  const bytes = deriveFromPassword(password, salt);
  const secrets = { joinSecret: bytes.slice(0, SECRET_LENGTH), peerSecret: bytes.slice(SECRET_LENGTH) };
  zeroize(bytes);
  return secrets;
}
