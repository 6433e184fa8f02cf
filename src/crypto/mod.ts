/**
 * The cryptography of both suites: pure, synchronous, bytes in and bytes out; it knows no messages. Randomness is handed in,
 * except for RSA keys, which only the system can make.
 *
 * What comes from outside and does not hold is answered with null or false, one answer for every reason; a wrong length of our
 * own bytes is a bug and throws RangeError.
 *
 * @module
 */

export * from "./aead.ts";
export * from "./argon2id.ts";
export * from "./classic.ts";
export * from "./ed25519.ts";
export * from "./hash.ts";
export * from "./hkdf.ts";
export * from "./keymat.ts";
export * from "./mlkem768.ts";
export * from "./modp_group14.ts";
export * from "./network_invite.ts";
export * from "./network_sealing.ts";
export * from "./rsa.ts";
export * from "./sealed_backup.ts";
export * from "./sealed_network.ts";
export * from "./secret.ts";
export * from "./self_signed.ts";
export * from "./ssh_rsa.ts";
export * from "./verification_words.ts";
export * from "./x25519.ts";
