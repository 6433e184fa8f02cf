/**
 * What the server shows to those who speak TLS to it: made once, kept in its data folder.
 *
 * Nobody relies on it, so an operator who has a certificate for the server's name may put that in its place.
 *
 * @module
 */
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { UserError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { generateTlsKey, selfSign, type TlsIdentity } from "../crypto/mod.ts";
import { readOrMakeFile } from "./data_folder.ts";

/** Private key and certificates, PEM. */
const FILE_NAME = "tls.pem";

const KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^-]+-----END \1-----\n?/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/** The certificate of a data folder, made at the first call. @throws {UserError} when it is no such file */
export async function loadTlsIdentity(folder: string, random: Random, wallMs: number): Promise<TlsIdentity> {
  const file = await readOrMakeFile(folder, FILE_NAME, () => {
    const { certificate, privateKey } = selfSign(generateTlsKey(), random, wallMs);
    return utf8(privateKey + certificate);
  });
  const text = decode(file);
  const [privateKey] = KEY.exec(text) ?? [];
  const certificates = text.match(CERTIFICATE);
  if (privateKey === undefined || certificates === null) {
    throw new UserError(`Cannot use the data folder ${folder}: the file ${FILE_NAME} is damaged`, {
      hint: "It holds a private key and its certificate, PEM. Remove it to have another one made.",
    });
  }
  return { privateKey, certificate: certificates.join("") };
}

function decode(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return "";
  }
}
