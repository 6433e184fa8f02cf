import assert from "node:assert/strict";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { deriveFromPassword } from "../../src/crypto/argon2id.ts";
import { deriveNetworkSecrets } from "../../src/crypto/sealed_network.ts";
import { hex, readVectors } from "./vectors.ts";

const KNOWN = readVectors("argon2id.json");

Deno.test("deriveFromPassword matches OpenSSL's Argon2id", () => {
  const { password, salt, memoryKib, passes, lanes, output } = KNOWN.small;
  assert.equal(toHex(deriveFromPassword(hex(password), hex(salt), { memoryKib, passes, lanes }, 32)), output);
});

Deno.test("deriveFromPassword refuses a salt under 16 bytes", () => {
  assert.throws(() => deriveFromPassword(utf8("password"), new Uint8Array(15)), RangeError);
});

Deno.test("deriveNetworkSecrets matches OpenSSL's Argon2id at the cost of sealed networks", () => {
  const { password, serverKey, nameKey, joinSecret, peerSecret } = KNOWN.sealedNetwork;
  const secrets = deriveNetworkSecrets(hex(password), hex(serverKey), hex(nameKey));
  assert.deepEqual({ joinSecret: toHex(secrets.joinSecret), peerSecret: toHex(secrets.peerSecret) }, {
    joinSecret,
    peerSecret,
  });
});

Deno.test("deriveNetworkSecrets refuses an empty password and a key that is none", () => {
  assert.throws(() => deriveNetworkSecrets(utf8(""), new Uint8Array(32), utf8("name")), /password is empty/);
  assert.throws(() => deriveNetworkSecrets(utf8("x"), new Uint8Array(31), utf8("name")), /server's key/);
});
