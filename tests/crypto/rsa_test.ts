import assert from "node:assert/strict";
import { concat, toHex, utf8 } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { HashName } from "../../src/crypto/hash.ts";
import {
  generateRsaKeyPair,
  rsaKeyPairFromPkcs8,
  rsaSignatureLength,
  signRsa,
  verifyRsa,
} from "../../src/crypto/rsa.ts";
import { encodeSshRsa, sshRsaFingerprintSha1, sshRsaFingerprintSha256 } from "../../src/crypto/ssh_rsa.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

const KNOWN = readVectors("rsa_2048.json");
const BLOB = hex(KNOWN.sshRsaBlob);
const MESSAGE = hex(KNOWN.message);

Deno.test("signRsa and verifyRsa match OpenSSL for SHA-1 and SHA-256", () => {
  const privateKey = hex(KNOWN.privateKeyPkcs8);
  const expected: [HashName, string][] = [["sha1", KNOWN.signatureSha1], ["sha256", KNOWN.signatureSha256]];
  for (const [hash, signature] of expected) {
    assert.equal(toHex(signRsa(hash, privateKey, MESSAGE)), signature);
    assert.ok(verifyRsa(hash, BLOB, MESSAGE, hex(signature)));
  }
});

Deno.test("verifyRsa refuses another hash, message, key and signature", () => {
  const signature = hex(KNOWN.signatureSha1);
  assert.ok(verifyRsa("sha1", BLOB, MESSAGE, signature));
  assert.equal(verifyRsa("sha256", BLOB, MESSAGE, signature), false);
  assert.equal(verifyRsa("sha1", BLOB, utf8("another message"), signature), false);
  const other = rsaKeyPairFromPkcs8(hex(KNOWN.otherKeysPkcs8["4096 bits, e = 65537"]));
  assert.equal(verifyRsa("sha1", other.publicBlob, MESSAGE, signature), false);
  const changed = signature.slice();
  changed[100]! ^= 1;
  assert.equal(verifyRsa("sha1", BLOB, MESSAGE, changed), false);
});

Deno.test("verifyRsa demands a signature as long as the modulus", () => {
  const signature = hex(KNOWN.signatureSha1);
  assert.equal(rsaSignatureLength(BLOB), signature.length);
  assert.equal(verifyRsa("sha1", BLOB, MESSAGE, concat(Uint8Array.of(0), signature)), false);
  assert.equal(verifyRsa("sha1", BLOB, MESSAGE, signature.subarray(1)), false);
  assert.equal(verifyRsa("sha1", BLOB, MESSAGE, concat(signature, Uint8Array.of(0))), false);
  assert.equal(verifyRsa("sha1", BLOB, MESSAGE, new Uint8Array(0)), false);
});

Deno.test("verifyRsa answers false for a malformed key blob", () => {
  assert.equal(verifyRsa("sha1", BLOB.subarray(1), MESSAGE, hex(KNOWN.signatureSha1)), false);
});

Deno.test("rsaKeyPairFromPkcs8 finds the blob and fingerprints that ssh-keygen prints", () => {
  const { publicBlob, privateKey } = rsaKeyPairFromPkcs8(hex(KNOWN.privateKeyPkcs8));
  assert.equal(toHex(publicBlob), KNOWN.sshRsaBlob);
  assert.equal(toHex(privateKey), KNOWN.privateKeyPkcs8);
  assert.equal(sshRsaFingerprintSha1(publicBlob).replaceAll(":", ""), KNOWN.fingerprintSha1);
  assert.equal(toHex(sshRsaFingerprintSha256(publicBlob)), KNOWN.fingerprintSha256);
});

Deno.test("rsaKeyPairFromPkcs8 refuses damaged keys and keys of a disallowed size, exponent or kind", () => {
  const refused: [string, Uint8Array, RegExp][] = [
    ["damaged", hex(KNOWN.privateKeyPkcs8).subarray(0, 900), /damaged/],
    ["1024 bits", hex(KNOWN.otherKeysPkcs8["1024 bits, e = 65537"]), /1024 bits/],
    ["e = 3", hex(KNOWN.otherKeysPkcs8["2048 bits, e = 3"]), /exponent/],
    ["Ed25519", concat(hex("302e020100300506032b657004220420"), new Uint8Array(32)), /another kind/],
  ];
  for (const [name, pkcs8, reason] of refused) {
    assert.throws(() => rsaKeyPairFromPkcs8(pkcs8), (error: Error) => {
      assert.ok(error instanceof ProtocolError, name);
      assert.match(error.message, reason, name);
      return true;
    });
  }
});

Deno.test("generateRsaKeyPair makes a 2048-bit pair that signs and can be stored", async () => {
  const pair = await generateRsaKeyPair();
  assert.equal(rsaSignatureLength(pair.publicBlob), 256);
  assert.ok(verifyRsa("sha256", pair.publicBlob, MESSAGE, signRsa("sha256", pair.privateKey, MESSAGE)));
  assert.deepEqual(rsaKeyPairFromPkcs8(pair.privateKey), pair);
});

testExternal("verifyRsa refuses 249 forgeries of Wycheproof and takes its 7 signatures", [
  "rsa_signature_2048_sha256.json",
], (file) => {
  const counts: Record<string, number> = { valid: 0, invalid: 0, acceptable: 0, otherExponent: 0 };
  for (const { group, test, label } of casesOf(file)) {
    if (group.publicKey.publicExponent !== "010001") {
      counts.otherExponent!++;
      continue;
    }
    const blob = encodeSshRsa(hex(group.publicKey.modulus.replace(/^00/, "")));
    assert.equal(verifyRsa("sha256", blob, hex(test.msg), hex(test.sig)), test.result === "valid", label);
    counts[test.result]!++;
  }
  assert.deepEqual(counts, { valid: 7, invalid: 249, acceptable: 1, otherExponent: 2 });
});

testExternal("signRsa matches 18 signatures of Wycheproof", ["rsa_pkcs1_2048_sig_gen.json"], (file) => {
  const counts = { sha1: 0, sha256: 0 };
  for (const { group, test, label } of casesOf(file)) {
    const hash = group.sha === "SHA-1" ? "sha1" : "sha256";
    if (group.sha !== "SHA-1" && group.sha !== "SHA-256") continue;
    assert.equal(toHex(signRsa(hash, hex(group.privateKeyPkcs8), hex(test.msg))), test.sig, label);
    counts[hash]++;
  }
  assert.deepEqual(counts, { sha1: 8, sha256: 10 });
});
