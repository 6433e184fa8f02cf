import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { concat, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openAead } from "../../src/crypto/aead.ts";
import { generateEd25519, signEd25519, verifyEd25519 } from "../../src/crypto/ed25519.ts";
import type { ModernRole } from "../../src/protocol/transcripts.ts";
import {
  agreeOnAead,
  deriveModernKeys,
  identityMac,
  openModern,
  sealModern,
  signModern,
  verifyIdentityMac,
  verifyModern,
  zeroizeModernKeys,
} from "../../src/session/modern_keys.ts";

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
  const keys = deriveModernKeys(TH, MLKEM_SECRET, X25519_SECRET);
  const fingerprint = random.bytes(32);
  for (const [side, key] of [["i", keys.confirmI], ["r", keys.confirmR]] as const) {
    const covered = concat(utf8(`buri suite2 identity ${side}\0`), Uint8Array.of(10, 1, 2, 3), fingerprint, TH);
    const mac = identityMac(keys, { side, address: 0x0a010203, fingerprint }, TH);
    assert.equal(toHex(mac), createHmac("sha256", key).update(covered).digest("hex"));
  }
});

Deno.test("verifyIdentityMac refuses other keys, side, address, fingerprint and transcript", () => {
  const keys = deriveModernKeys(TH, MLKEM_SECRET, X25519_SECRET);
  const other = random.bytes(32);
  const identity = { side: "i", address: 7, fingerprint: random.bytes(32) } as const;
  const mac = identityMac(keys, identity, TH);
  assert.ok(verifyIdentityMac(keys, identity, TH, mac));
  assert.equal(verifyIdentityMac(deriveModernKeys(TH, other, X25519_SECRET), identity, TH, mac), false);
  assert.equal(verifyIdentityMac(keys, { ...identity, side: "r" }, TH, mac), false);
  assert.equal(verifyIdentityMac(keys, { ...identity, address: 8 }, TH, mac), false);
  assert.equal(verifyIdentityMac(keys, { ...identity, fingerprint: other }, TH, mac), false);
  assert.equal(verifyIdentityMac(keys, identity, other, mac), false);
  assert.equal(verifyIdentityMac(keys, identity, TH, mac.subarray(1)), false);
});

Deno.test("openModern opens what sealModern sealed, only under its own counter and key", () => {
  const { dataI, dataR } = deriveModernKeys(TH, MLKEM_SECRET, X25519_SECRET);
  const [counter, other] = [fromHex("0100000000000041"), fromHex("0200000000000041")];
  for (const aead of [1, 2] as const) {
    const sealed = sealModern(aead, dataI, counter, utf8("message"));
    assert.deepEqual(openModern(aead, dataI, counter, sealed), utf8("message"));
    assert.equal(openModern(aead, dataI, other, sealed), null);
    assert.equal(openModern(aead, dataR, counter, sealed), null);
    assert.equal(openModern(aead, dataI, counter, sealed.subarray(0, 15)), null);
  }
});

Deno.test("sealModern uses the nonces of RFC 5288 and RFC 7905 and the additional data of a TLS 1.2 record", () => {
  const direction = { key: random.bytes(32), salt: fromHex("a0a1a2a3a4a5a6a7a8a9aaab") };
  const data = fromHex("010000000000004117030300" + "07");
  const nonces = [[1, "a0a1a2a30100000000000041"], [2, "a0a1a2a3a5a5a6a7a8a9aaea"]] as const;
  for (const [aead, nonce] of nonces) {
    const sealed = sealModern(aead, direction, fromHex("0100000000000041"), utf8("message"));
    assert.deepEqual(openAead(aead, direction.key, fromHex(nonce), data, sealed), utf8("message"));
  }
});

Deno.test("agreeOnAead answers null where the ends share nothing that we have code for", () => {
  assert.equal(agreeOnAead([{ aead: 1, costNs: 9 }], [{ aead: 1, costNs: 5 }, { aead: 2, costNs: 1 }]), 1);
  assert.equal(agreeOnAead([{ aead: 1, costNs: 9 }], [{ aead: 2, costNs: 1 }]), null);
  assert.equal(agreeOnAead([{ aead: 3, costNs: 1 }], [{ aead: 3, costNs: 1 }]), null);
});
