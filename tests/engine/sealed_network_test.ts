import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { deriveNetworkSecrets } from "../../src/crypto/sealed_network.ts";
import { deriveSecrets } from "../../src/engine/sealed_network.ts";

const serverKey = new Uint8Array(32).fill(9);

Deno.test("deriveSecrets gives on its own thread what the derivation gives, for every spelling of the name", async () => {
  const expected = deriveNetworkSecrets(utf8("secrét"), serverKey, utf8("my games"));
  const found = await deriveSecrets("secre\u0301t", serverKey, "My ＧAMES");
  assert.deepEqual(found, expected);
});

Deno.test("deriveSecrets has nothing to derive without a password", async () => {
  assert.equal(await deriveSecrets("", serverKey, "games"), null);
});
