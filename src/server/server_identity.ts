import { UserError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { ed25519FromSeed, type Ed25519KeyPair } from "../crypto/ed25519.ts";
import { sha1 } from "../crypto/hash.ts";
import { generateRsaKeyPair, type RsaKeyPair, rsaKeyPairFromPkcs8 } from "../crypto/rsa.ts";
import type { TlsIdentity } from "../crypto/self_signed.ts";
import { sshRsaFingerprintSha256 } from "../crypto/ssh_rsa.ts";
import type { ServerPin } from "../protocol/mod.ts";
import { DATABASE_FILE, hasDatabase, readOrMakeFile, readPrivateFile } from "./data_folder.ts";
import { loadTlsIdentity } from "./tls_identity.ts";

/** What makes a server this server: its secrets, which live in its data folder and nowhere else. */
export interface ServerIdentity {
  /** Signs logins of suite 2, and relay tickets. */
  ed25519: Ed25519KeyPair;
  /** Signs logins of suite 1. */
  rsa: RsaKeyPair;
  /** Key of the row checksums, 32 bytes. */
  checksumKey: Uint8Array;
  /** The relay within the server: 16 bytes. */
  relayId: Uint8Array;
  /** What the relay shares with the server: 32 bytes. */
  relayKey: Uint8Array;
  /** What those see who speak TLS. */
  tls: TlsIdentity;
}

const SEED_LENGTH = 32;
const CHECKSUM_KEY_LENGTH = 32;
const RELAY_ID_LENGTH = 16;
const RELAY_KEY_LENGTH = 32;

/** Without one of these the accounts in the database are worth nothing: their clients, or their checksums, would not match. */
const KEYS_OF_A_DATABASE = ["ed25519.key", "rsa.key", "checksum.key"];

/**
 * The identity in a data folder, made at the first call. Tickets outlive a restart, so the relay's part is kept as well.
 *
 * @throws {UserError} when the folder cannot be used, or a key in it is damaged or gone.
 */
export async function loadServerIdentity(folder: string, random: Random, wallMs: number): Promise<ServerIdentity> {
  requireKeysOfDatabase(folder);
  const secret = (name: string, length: number) => readSecret(folder, name, length, random);
  const seed = await secret("ed25519.key", SEED_LENGTH);
  const rsa = await readOrMakeFile(folder, "rsa.key", async () => (await generateRsaKeyPair()).privateKey);
  const checksumKey = await secret("checksum.key", CHECKSUM_KEY_LENGTH);
  const relay = await secret("relay.key", RELAY_ID_LENGTH + RELAY_KEY_LENGTH);
  return {
    ed25519: ed25519FromSeed(seed),
    rsa: readRsa(folder, rsa),
    checksumKey,
    relayId: relay.slice(0, RELAY_ID_LENGTH),
    relayKey: relay.slice(RELAY_ID_LENGTH),
    tls: await loadTlsIdentity(folder, random, wallMs),
  };
}

/** The keys that an invite names. */
export function pinOf({ ed25519, rsa }: ServerIdentity): ServerPin {
  return {
    ed25519: ed25519.publicKey,
    rsaSha1: sha1(rsa.publicBlob),
    rsaSha256: sshRsaFingerprintSha256(rsa.publicBlob),
  };
}

function requireKeysOfDatabase(folder: string): void {
  if (!hasDatabase(folder)) return;
  for (const name of KEYS_OF_A_DATABASE) if (readPrivateFile(folder, name) === null) throw missing(folder, name);
}

async function readSecret(folder: string, name: string, length: number, random: Random): Promise<Uint8Array> {
  const secret = await readOrMakeFile(folder, name, () => random.bytes(length));
  if (secret.length !== length) throw damaged(folder, name);
  return secret;
}

function readRsa(folder: string, pkcs8: Uint8Array): RsaKeyPair {
  try {
    return rsaKeyPairFromPkcs8(pkcs8);
  } catch (error) {
    throw damaged(folder, "rsa.key", error);
  }
}

function damaged(folder: string, name: string, cause?: unknown): UserError {
  return new UserError(`Cannot use the data folder ${folder}: the file ${name} is damaged`, {
    hint: "Put back a copy of it. Without it clients that know this server would take it for another one.",
    cause,
  });
}

function missing(folder: string, name: string): UserError {
  return new UserError(
    `Cannot use the data folder ${folder}: the file ${name} is gone, and its database belongs to it`,
    {
      hint: `Put back a copy of it. To begin as another server, without its accounts, move ${DATABASE_FILE} away.`,
    },
  );
}
