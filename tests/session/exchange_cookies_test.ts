import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { ExchangeCookies } from "../../src/session/exchange_cookies.ts";
import { endpoint } from "./parties.ts";

const random = seededRandom(3);
const [FROM, SPI, NONCE] = [endpoint(1), 1000, random.bytes(32)];

Deno.test("ExchangeCookies makes 16 bytes that hold for their address, port, SPI and nonce alone", () => {
  const cookies = new ExchangeCookies(random, 0);
  const cookie = cookies.make(FROM, SPI, NONCE, 0);
  assert.equal(cookie.length, 16);
  assert.ok(cookies.holds(cookie, FROM, SPI, NONCE, 0));
  assert.equal(cookies.holds(cookie, endpoint(2), SPI, NONCE, 0), false);
  assert.equal(cookies.holds(cookie, endpoint(1, 40001), SPI, NONCE, 0), false);
  assert.equal(cookies.holds(cookie, FROM, SPI + 1, NONCE, 0), false);
  assert.equal(cookies.holds(cookie, FROM, SPI, random.bytes(32), 0), false);
  assert.equal(cookies.holds(new Uint8Array(16), FROM, SPI, NONCE, 0), false);
  assert.equal(cookies.holds(cookie.subarray(1), FROM, SPI, NONCE, 0), false);
});

Deno.test("ExchangeCookies changes its secret every 120 s and accepts the one before", () => {
  const cookies = new ExchangeCookies(random, 0);
  const cookie = cookies.make(FROM, SPI, NONCE, 119_999);
  assert.ok(cookies.holds(cookie, FROM, SPI, NONCE, 120_000));
  assert.notDeepEqual(cookies.make(FROM, SPI, NONCE, 120_001), cookie);
  assert.ok(cookies.holds(cookie, FROM, SPI, NONCE, 239_999));
  assert.equal(cookies.holds(cookie, FROM, SPI, NONCE, 240_000), false);
});

Deno.test("ExchangeCookies does not accept a cookie from before a long silence", () => {
  const cookies = new ExchangeCookies(random, 0);
  const cookie = cookies.make(FROM, SPI, NONCE, 0);
  assert.equal(cookies.holds(cookie, FROM, SPI, NONCE, 240_000), false);
});

Deno.test("ExchangeCookies of two processes do not accept each other's", () => {
  const cookie = new ExchangeCookies(random, 0).make(FROM, SPI, NONCE, 0);
  assert.equal(new ExchangeCookies(random, 0).holds(cookie, FROM, SPI, NONCE, 0), false);
});
