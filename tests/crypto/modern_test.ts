import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { concat, toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateEd25519, signEd25519, verifyEd25519 } from "../../src/crypto/ed25519.ts";
import {
  deriveModernKeys,
  identityMac,
  type ModernRole,
  signModern,
  verifyIdentityMac,
  verifyModern,
  zeroizeModernKeys,
} from "../../src/crypto/modern.ts";

const random = seededRandom(31);
const TH = random.bytes(32);
const MLKEM_SECRET = random.bytes(32);
const X25519_SECRET = random.bytes(32);
const ROLES: ModernRole[] = ["login server", "login client", "register client", "peer responder", "peer initiator"];

Deno.test("deriveModernKeys is HKDF with th as salt, both secrets as input and one label a key", () => {
  const key = (label: string, length: number) =>
    new Uint8Array(hkdfSync("sha256", concat(MLKEM_SECRET, X25519_SECRET), TH, utf8("buri suite2 " + label), length));
  assert.deepEqual(deriveModernKeys(TH, MLKEM_SECRET, X25519_SECRET), {
    dataI: { key: key("data i", 44).slice(0, 32), salt: key("data i", 44).slice(32) },
    dataR: { key: key("data r", 44).slice(0, 32), salt: key("data r", 44).slice(32) },
    confirmI: key("confirm i", 32),
    confirmR: key("confirm r", 32),
    exporter: key("exporter", 32),
  });
});

Deno.test("deriveModernKeys depends on each of its inputs", () => {
  const known = toHex(deriveModernKeys(TH, MLKEM_SECRET, X25519_SECRET).exporter);
  const other = random.bytes(32);
  assert.notEqual(toHex(deriveModernKeys(other, MLKEM_SECRET, X25519_SECRET).exporter), known);
  assert.notEqual(toHex(deriveModernKeys(TH, other, X25519_SECRET).exporter), known);
  assert.notEqual(toHex(deriveModernKeys(TH, MLKEM_SECRET, other).exporter), known);
  assert.throws(() => deriveModernKeys(TH, MLKEM_SECRET, other.subarray(1)), RangeError);
});

Deno.test("zeroizeModernKeys leaves no key behind", () => {
  const keys = deriveModernKeys(TH, MLKEM_SECRET, X25519_SECRET);
  const all = [keys.dataI.key, keys.dataI.salt, keys.dataR.key, keys.dataR.salt, keys.confirmI, keys.confirmR];
  zeroizeModernKeys(keys);
  for (const bytes of [...all, keys.exporter]) assert.ok(bytes.every((byte) => byte === 0));
});

Deno.test("signModern signs label, role, zero byte and hash", () => {
  const { privateKey, publicKey } = generateEd25519(random);
  const signature = signModern(privateKey, "login server", TH);
  assert.ok(verifyEd25519(publicKey, concat(utf8("buri suite2 login server\0"), TH), signature));
});

Deno.test("verifyModern takes a signature in its own role only", () => {
  const { privateKey, publicKey } = generateEd25519(random);
  for (const role of ROLES) {
    const signature = signModern(privateKey, role, TH);
    for (const asked of ROLES) assert.equal(verifyModern(publicKey, asked, TH, signature), asked === role, role);
  }
  assert.equal(verifyModern(publicKey, "login server", TH, signEd25519(privateKey, TH)), false);
});

Deno.test("identityMac is HMAC-SHA256 over label, side, zero byte, address, fingerprint and th", () => {
  const [key, fingerprint] = [random.bytes(32), random.bytes(32)];
  const covered = concat(utf8("buri suite2 identity r\0"), Uint8Array.of(10, 1, 2, 3), fingerprint, TH);
  const mac = identityMac(key, { side: "r", address: 0x0a010203, fingerprint }, TH);
  assert.equal(toHex(mac), createHmac("sha256", key).update(covered).digest("hex"));
});

Deno.test("verifyIdentityMac refuses another key, side, address, fingerprint and transcript", () => {
  const [key, other] = [random.bytes(32), random.bytes(32)];
  const identity = { side: "i", address: 7, fingerprint: random.bytes(32) } as const;
  const mac = identityMac(key, identity, TH);
  assert.ok(verifyIdentityMac(key, identity, TH, mac));
  assert.equal(verifyIdentityMac(other, identity, TH, mac), false);
  assert.equal(verifyIdentityMac(key, { ...identity, side: "r" }, TH, mac), false);
  assert.equal(verifyIdentityMac(key, { ...identity, address: 8 }, TH, mac), false);
  assert.equal(verifyIdentityMac(key, { ...identity, fingerprint: other }, TH, mac), false);
  assert.equal(verifyIdentityMac(key, identity, other, mac), false);
  assert.equal(verifyIdentityMac(key, identity, TH, mac.subarray(1)), false);
});
