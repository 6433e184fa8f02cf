import assert from "node:assert/strict";
import { equalSecret, requireLength, zeroize } from "../../src/crypto/secret.ts";

Deno.test("equalSecret holds for equal bytes only", () => {
  const mac = Uint8Array.of(1, 2, 3);
  assert.ok(equalSecret(mac, Uint8Array.of(1, 2, 3)));
  assert.ok(equalSecret(new Uint8Array(0), new Uint8Array(0)));
  for (const other of [[1, 2, 4], [0, 2, 3], [1, 2], [1, 2, 3, 0], []]) {
    assert.equal(equalSecret(mac, Uint8Array.from(other)), false, String(other));
  }
});

Deno.test("zeroize overwrites every array it is given", () => {
  const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  zeroize(a, b);
  assert.deepEqual([...a, ...b], [0, 0, 0]);
});

Deno.test("requireLength names what has a wrong length", () => {
  requireLength("a key", new Uint8Array(32), 32);
  assert.throws(() => requireLength("a key", new Uint8Array(31), 32), /Cannot use a key: need 32 bytes, got 31/);
});
