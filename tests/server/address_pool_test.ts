import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import { cidr4Contains, formatCidr4, formatIpv4, parseCidr4 } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  ADDRESS_REST_MS,
  type AddressUse,
  drawAddress,
  drawAddressPlan,
  parsePool,
} from "../../src/server/address_pool.ts";
import { register, removeAccount } from "../../src/server/registry.ts";
import { makeTestStore, randomKey } from "./store_support.ts";

const SMALL = parseCidr4("10.9.8.0/24")!;

function use(taken: Set<number>): AddressUse {
  return { isTaken: (address) => Promise.resolve(taken.has(address)), taken: () => Promise.resolve(taken) };
}

Deno.test("drawAddressPlan draws a /16 of 10/8 and a ULA prefix of its own for each server", () => {
  const plans = Array.from({ length: 50 }, (_, seed) => drawAddressPlan(seededRandom(seed), null));
  for (const { pool, prefix6 } of plans) {
    assert.equal(pool.bits, 16);
    assert.ok(cidr4Contains(parseCidr4("10.0.0.0/8")!, pool.base));
    assert.equal(prefix6.length, 12);
    assert.equal(prefix6[0], 0xfd);
  }
  assert.ok(new Set(plans.map(({ pool }) => formatCidr4(pool))).size > 30);
  assert.equal(new Set(plans.map(({ prefix6 }) => prefix6.toHex())).size, 50);
});

Deno.test("drawAddressPlan takes the pool that was named", () => {
  assert.equal(formatCidr4(drawAddressPlan(seededRandom(1), parsePool("25.0.0.0/8")).pool), "25.0.0.0/8");
});

Deno.test("parsePool refuses what is no unicast prefix of 8 to 24 bits", () => {
  for (
    const text of ["10.0.0.0", "10.0.0.1/16", "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/8", "10.0.0.0/7", "10.0.0.0/25"]
  ) {
    assert.throws(() => parsePool(text), (error) => error instanceof UserError && error.exitCode === 2, text);
  }
  assert.equal(formatCidr4(parsePool("5.0.0.0/8")), "5.0.0.0/8");
});

Deno.test("drawAddress hands out every address but .0 and .255, each once, then null", async () => {
  const taken = new Set<number>();
  const random = seededRandom(4);
  for (let count = 0; count < 254; count++) {
    const address = await drawAddress(SMALL, use(taken), random);
    assert.ok(address !== null && cidr4Contains(SMALL, address) && !taken.has(address));
    assert.ok(![0, 255].includes(address & 255), formatIpv4(address));
    taken.add(address);
  }
  assert.equal(await drawAddress(SMALL, use(taken), random), null);
});

Deno.test("drawAddress skips .0 and .255 within a larger pool too", async () => {
  const pool = parseCidr4("10.9.0.0/23")!;
  const taken = new Set(Array.from({ length: 512 }, (_, index) => pool.base + index));
  for (const last of [0, 255, 256, 511]) taken.delete(pool.base + last);
  assert.equal(await drawAddress(pool, use(taken), seededRandom(5)), null);
});

Deno.test("register gives a freed address to nobody for 90 days", async () => {
  await using test = await makeTestStore();
  const plan = { ...test.plan, pool: SMALL };
  const registerAt = (nowMs: number) =>
    test.store.write((tx) => register(tx, { ...test.context, nowMs }, plan, "", [randomKey(test.random)]));
  const accounts = [];
  for (let count = 0; count < 254; count++) accounts.push(await registerAt(0));
  const freed = accounts[100]!;
  await test.store.write((tx) => removeAccount(tx, { ...test.context, nowMs: 1000 }, freed.clientId));
  await assert.rejects(registerAt(1000 + ADDRESS_REST_MS - 1), { refusal: "limitReached" });
  const heir = await registerAt(1000 + ADDRESS_REST_MS);
  assert.equal(heir.virtualAddress, freed.virtualAddress);
  assert.notEqual(heir.clientId, freed.clientId);
});
