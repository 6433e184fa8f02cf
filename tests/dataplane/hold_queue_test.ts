import assert from "node:assert/strict";
import { HoldQueue } from "../../src/dataplane/hold_queue.ts";

const PACKET = Uint8Array.of(1, 2, 3);

Deno.test("HoldQueue keeps copies in order and gives them once", () => {
  const queue = new HoldQueue();
  const packet = PACKET.slice();
  assert.equal(queue.put(5, packet, true, 0), true);
  packet.fill(9);
  queue.put(5, packet, false, 1);
  assert.deepEqual(queue.take(5).map(({ bytes, isPartial }) => [[...bytes], isPartial]), [[[1, 2, 3], true], [
    [9, 9, 9],
    false,
  ]]);
  assert.deepEqual(queue.take(5), []);
});

Deno.test("HoldQueue keeps at most 16 packets per address, 256 in all, none over 2,048 bytes", () => {
  const queue = new HoldQueue();
  for (let count = 0; count < 20; count++) assert.equal(queue.put(1, PACKET, false, 0), count < 16);
  let kept = 16;
  for (let address = 2; address < 400; address++) if (queue.put(address, PACKET, false, 0)) kept++;
  assert.equal(kept, 256);
  queue.take(1);
  assert.equal(queue.put(1000, PACKET, false, 0), true, "room again");
  assert.equal(new HoldQueue().put(1, new Uint8Array(2049), false, 0), false);
});

Deno.test("HoldQueue drops what waited 5 s", () => {
  const queue = new HoldQueue();
  queue.put(1, PACKET, false, 0);
  queue.put(2, PACKET, false, 4000);
  assert.deepEqual(queue.expire(4999), []);
  assert.deepEqual(queue.expire(5000), [{ bytes: PACKET, isPartial: false, heldAt: 0 }]);
  assert.deepEqual(queue.addresses, [2]);
  assert.equal(queue.expire(9000).length, 1);
  assert.equal(queue.isEmpty, true);
});

Deno.test("HoldQueue asks for an address at most once a second, and for at most 1,024 at a time", () => {
  const queue = new HoldQueue();
  assert.deepEqual([0, 999, 1000].map((now) => queue.shouldAsk(7, now)), [true, false, true]);
  let asked = 0;
  for (let address = 100; address < 5000; address++) if (queue.shouldAsk(address, 1000)) asked++;
  assert.equal(asked, 1023);
  queue.expire(2000);
  assert.equal(queue.shouldAsk(9999, 2000), true);
});
