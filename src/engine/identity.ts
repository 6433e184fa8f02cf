import { UserError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import {
  ed25519FromSeed,
  type Ed25519KeyPair,
  generateEd25519,
  generateRsaKeyPair,
  type RsaKeyPair,
  rsaKeyPairFromPkcs8,
} from "../crypto/mod.ts";
import { readIdentity, writeIdentity } from "./state_files.ts";
import { damaged, type StateFolder } from "./state_folder.ts";

/** The private keys of this client. */
export interface Identity {
  /** Made at the first start. */
  ed25519: Ed25519KeyPair;
  /** Made when suite 1 is first used; null before. */
  rsa: RsaKeyPair | null;
}

/**
 * The keys of the state folder; what is missing is made, and on the disk before it is used.
 *
 * @param hasAccount whether there is an account, which belongs to keys that must be there
 * @throws {UserError} exit 1 when the file is damaged or gone, others can read it, or it cannot be written
 */
export async function loadIdentity(
  folder: StateFolder,
  { suite, hasAccount }: { suite: 1 | 2; hasAccount: boolean },
  random: Random,
): Promise<Identity> {
  const stored = readIdentity(folder);
  if (stored === null && hasAccount) {
    throw new UserError(`Cannot use ${folder.path}: identity.json is gone, and the account there belongs to its keys`, {
      hint:
        "Put back a copy of it, or `restore` a backup. To begin with another account, move the folder `servers` away.",
    });
  }
  const ed25519 = stored === null ? generateEd25519(random) : ed25519FromSeed(stored.ed25519);
  const known = stored === null || stored.rsa === null ? null : readRsa(folder, stored.rsa);
  const rsa = known ?? (suite === 1 ? await generateRsaKeyPair() : null);
  if (stored === null || rsa !== known) {
    writeIdentity(folder, { ed25519: ed25519.privateKey, rsa: rsa?.privateKey ?? null });
  }
  return { ed25519, rsa };
}

function readRsa(folder: StateFolder, pkcs8: Uint8Array): RsaKeyPair {
  try {
    return rsaKeyPairFromPkcs8(pkcs8);
  } catch (error) {
    const why: UserError = damaged(folder.pathOf("identity.json"), "its RSA key is no key");
    throw new UserError(why.message, { exitCode: why.exitCode, hint: why.hint ?? "", cause: error });
  }
}
