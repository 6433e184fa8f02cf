import { deepEqual, equal } from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { BACKUP_RANDOM_LENGTH, isBackup, openBackup, sealBackup } from "../../src/crypto/mod.ts";

const RANDOM = new Uint8Array(BACKUP_RANDOM_LENGTH).fill(7);
const CONTENT = utf8('{"version":1}');
const PASSWORD = utf8("s3same");
const SEALED = sealBackup(PASSWORD, CONTENT, RANDOM);

Deno.test("openBackup opens what sealBackup sealed", () => {
  equal(SEALED.length, 40 + CONTENT.length + 16);
  deepEqual(openBackup(PASSWORD, SEALED), CONTENT);
});

Deno.test("openBackup opens nothing in which a byte of the nonce or the tag has changed", () => {
  for (const at of [30, SEALED.length - 1]) {
    const changed = SEALED.slice();
    changed[at]! ^= 1;
    equal(openBackup(PASSWORD, changed), null, `byte ${at}`);
  }
});

Deno.test("isBackup knows version 1 and nothing else, before any work is done", () => {
  equal(isBackup(SEALED), true);
  equal(isBackup(SEALED.subarray(0, 39)), false);
  const later = SEALED.slice();
  later[11] = 2;
  equal(isBackup(later), false);
  equal(openBackup(PASSWORD, later), null);
});
