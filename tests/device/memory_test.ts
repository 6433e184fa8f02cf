import assert from "node:assert/strict";
import { openMemoryDevice } from "../../src/device/mod.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

function test(sentence: string, run: () => Promise<void>): void {
  Deno.test({ ...needs(sentence, "linux"), fn: run });
}

test("MemoryDevice.receive ends with the device", async () => {
  const device = openMemoryDevice();
  const received = device.receive();
  device.close();
  device.close();
  assert.equal(await received, null);
  assert.equal(await device.receive(), null);
});

test("MemoryDevice.send says when the queue is full", () => {
  const device = openMemoryDevice();
  const packet = new Uint8Array(60_000);
  let count = 0;
  while (device.send(packet)) count++;
  assert.ok(count > 5, `${count}`);
  device.close();
  return Promise.resolve();
});
