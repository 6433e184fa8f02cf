import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { seededRandom } from "../../../src/base/random.ts";
import { currentKeys } from "../../../src/engine/chat/message_keys.ts";

const DAY_MS = 24 * 3600 * 1000;
const random = seededRandom(5);

Deno.test("currentKeys makes a first key and keeps it for 30 days", () => {
  const first = currentKeys([], 0, random);
  equal(first.length, 1);
  equal(currentKeys(first, 30 * DAY_MS - 1, random), first);
  const second = currentKeys(first, 30 * DAY_MS, random);
  deepEqual(second.map(({ createdAtMs }) => createdAtMs), [30 * DAY_MS, 0]);
  notDeepEqual(second[0]!.x25519, second[1]!.x25519);
});

Deno.test("currentKeys forgets a key 40 days after it was replaced, and never the one in use", () => {
  const second = currentKeys(currentKeys([], 0, random), 30 * DAY_MS, random);
  const days = (keys: readonly { createdAtMs: number }[]) => keys.map(({ createdAtMs }) => createdAtMs / DAY_MS);
  deepEqual(days(currentKeys(second, 60 * DAY_MS, random)), [60, 30, 0]);
  deepEqual(days(currentKeys(second, 70 * DAY_MS - 1, random)), [70 - 1 / DAY_MS, 30, 0]);
  deepEqual(days(currentKeys(second, 70 * DAY_MS, random)), [70, 30]);
  deepEqual(days(currentKeys(second, 10_000 * DAY_MS, random)), [10_000, 30]);
});
