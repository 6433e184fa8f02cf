import assert from "node:assert/strict";
import { ByteWriter, concat, utf8 } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { decodeSshRsa, encodeSshRsa, MAX_SSH_RSA_LENGTH, sshRsaFingerprintSha1 } from "../../src/crypto/ssh_rsa.ts";
import { hex, readVectors } from "./vectors.ts";

const random = seededRandom(22);

/** An odd number of exactly this many bits. */
function modulusOf(bits: number): Uint8Array {
  const modulus = random.bytes(Math.ceil(bits / 8));
  const top = 1 << ((bits - 1) % 8);
  modulus[0] = (modulus[0]! & (top - 1)) | top;
  modulus[modulus.length - 1]! |= 1;
  return modulus;
}

function blobOf(name: string, exponent: Uint8Array, mpint: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  for (const field of [utf8(name), exponent, mpint]) {
    writer.u32(field.length);
    writer.bytes(field);
  }
  return writer.finish();
}

const E = Uint8Array.of(1, 0, 1);
const ZERO = Uint8Array.of(0);

Deno.test("decodeSshRsa reads the blob that ssh-keygen wrote, and encodeSshRsa writes it again", () => {
  const blob = hex(readVectors("rsa_2048.json").sshRsaBlob);
  const modulus = decodeSshRsa(blob);
  assert.equal(modulus.length, 256);
  assert.deepEqual(encodeSshRsa(modulus), blob);
});

Deno.test("decodeSshRsa takes 2048 to 4096 bits", () => {
  for (const bits of [2048, 2049, 2055, 2056, 3072, 4095, 4096]) {
    const modulus = modulusOf(bits);
    assert.deepEqual(decodeSshRsa(encodeSshRsa(modulus)), new Uint8Array(modulus), `${bits} bits`);
  }
  assert.equal(encodeSshRsa(modulusOf(4096)).length, MAX_SSH_RSA_LENGTH);
});

Deno.test("decodeSshRsa refuses every blob but the one of an allowed key", () => {
  const modulus = modulusOf(2048);
  const even = modulus.slice();
  even[255]! &= 0xfe;
  const good = encodeSshRsa(modulus);
  const refused: [string, Uint8Array, RegExp][] = [
    ["2047 bits", encodeSshRsa(modulusOf(2047)), /2047 bits/],
    ["4097 bits", encodeSshRsa(modulusOf(4097)), /4097 bits/],
    ["too long", encodeSshRsa(modulusOf(8192)), /too long/],
    ["another name", blobOf("ssh-rsb", E, concat(ZERO, modulus)), /ssh-rsa/],
    ["e = 3", blobOf("ssh-rsa", Uint8Array.of(3), concat(ZERO, modulus)), /exponent/],
    ["e with a leading zero", blobOf("ssh-rsa", concat(ZERO, E), concat(ZERO, modulus)), /exponent/],
    ["negative modulus", blobOf("ssh-rsa", E, modulus), /negative/],
    ["two leading zeros", blobOf("ssh-rsa", E, concat(ZERO, ZERO, modulus)), /leading zero/],
    ["needless leading zero", blobOf("ssh-rsa", E, concat(ZERO, modulusOf(2050))), /leading zero/],
    ["empty modulus", blobOf("ssh-rsa", E, new Uint8Array(0)), /leading zero/],
    ["even modulus", encodeSshRsa(even), /even/],
    ["trailing byte", concat(good, ZERO), /trailing/],
    ["truncated", good.subarray(0, good.length - 1), /truncated/],
    ["length beyond the end", concat(Uint8Array.of(0xff, 0xff, 0xff, 0xff), good.subarray(4)), /truncated/],
    ["nothing", new Uint8Array(0), /truncated/],
  ];
  for (const [name, blob, reason] of refused) {
    assert.throws(() => decodeSshRsa(blob), (error: Error) => {
      assert.ok(error instanceof ProtocolError, name);
      assert.match(error.message, reason, name);
      return true;
    });
  }
});

Deno.test("sshRsaFingerprintSha1 is 59 characters of lower-case pairs", () => {
  const fingerprint = sshRsaFingerprintSha1(encodeSshRsa(modulusOf(2048)));
  assert.match(fingerprint, /^[0-9a-f]{2}(:[0-9a-f]{2}){19}$/);
  assert.equal(fingerprint.length, 59);
});
