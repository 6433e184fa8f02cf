import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { generateTlsKey, selfSign } from "../../src/crypto/mod.ts";

const NOW = Date.UTC(2026, 10, 22);

Deno.test("selfSign makes a certificate that its own key has signed, for localhost and ten years", () => {
  const key = generateTlsKey();
  const { certificate } = selfSign(key, seededRandom(1), NOW);
  const read = new X509Certificate(certificate);
  assert(read.verify(read.publicKey));
  assert.equal(read.subject, "CN=localhost");
  assert.equal(read.issuer, "CN=localhost");
  assert.equal(read.subjectAltName, "DNS:localhost");
  assert.equal(new Date(read.validFrom).getTime(), NOW - 86_400_000);
  assert.equal(new Date(read.validTo).getTime(), NOW + 3650 * 86_400_000);
});

Deno.test("selfSign writes a date after 2049 with four digits of the year", () => {
  const { certificate } = selfSign(generateTlsKey(), seededRandom(1), Date.UTC(2045, 0, 1));
  assert.equal(new Date(new X509Certificate(certificate).validTo).getUTCFullYear(), 2054);
});

Deno.test("selfSign makes serial numbers that are positive and differ", () => {
  const key = generateTlsKey();
  const serials = [1, 2, 3, 4].map((seed) =>
    new X509Certificate(selfSign(key, seededRandom(seed), NOW).certificate).serialNumber
  );
  assert.equal(new Set(serials).size, 4);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
});

Deno.test("selfSign tells nothing of what runs behind the certificate", () => {
  const { certificate } = selfSign(generateTlsKey(), seededRandom(1), NOW);
  assert.doesNotMatch(new X509Certificate(certificate).toString() + atobLines(certificate), /buri/i);
});

function atobLines(pem: string): string {
  return atob(pem.replace(/-----[^-]+-----|\n/g, ""));
}
