import { equal, notEqual, throws } from "node:assert/strict";
import { verificationWords } from "../../src/crypto/mod.ts";

const A = new Uint8Array(32).fill(1);
const B = new Uint8Array(32).fill(2);

Deno.test("verificationWords are the same at both ends, and frozen", () => {
  equal(verificationWords(A, B), verificationWords(B, A));
  equal(verificationWords(A, B), "dozaf janos mupud bijir vogoj pofup jahoj halol");
});

Deno.test("verificationWords change with a bit of either key", () => {
  for (let bit = 0; bit < 256; bit += 37) {
    const other = B.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    notEqual(verificationWords(A, other), verificationWords(A, B));
    notEqual(verificationWords(other, A), verificationWords(B, A));
  }
});

Deno.test("verificationWords are eight of five letters, one for each 16 bits", () => {
  equal(
    /^([bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz] ){7}\w{5}$/.test(verificationWords(A, B)),
    true,
  );
  throws(() => verificationWords(A, B.slice(1)), RangeError);
});
