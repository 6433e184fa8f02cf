import assert from "node:assert/strict";
import { IoVectors } from "../../src/ffi/io_vectors.ts";
import { NativeMemory } from "../../src/ffi/native_memory.ts";

function addressAt(memory: NativeMemory, at: number): bigint {
  return memory.view.getBigUint64(at, true);
}

Deno.test("NativeMemory.pointerAt points at the byte, and is made once for each", () => {
  const memory = new NativeMemory(5000);
  for (const offset of [0, 1, 1023, 1024, 4999]) {
    memory.bytes[offset] = offset & 255;
    const pointer = memory.pointerAt(offset)!;
    assert.equal(new Deno.UnsafePointerView(pointer).getUint8(), offset & 255);
    assert.equal(memory.pointerAt(offset), pointer);
  }
});

Deno.test("NativeMemory.writeAddress writes the whole address, readAddress takes it back", () => {
  const memory = new NativeMemory(4096);
  for (const offset of [0, 77, 4095]) {
    memory.writeAddress(8, offset);
    assert.equal(addressAt(memory, 8), Deno.UnsafePointer.value(memory.pointerAt(offset)));
    assert.equal(memory.readAddress(8), offset);
  }
});

Deno.test("NativeMemory lies within 4 GiB, so that the upper half of all its addresses is the same", () => {
  for (let round = 0; round < 20; round++) {
    const memory = new NativeMemory(1 << 20);
    const [first, last] = [0, (1 << 20) - 1].map((offset) => Deno.UnsafePointer.value(memory.pointerAt(offset)));
    assert.equal(first! >> 32n, last! >> 32n);
    assert.equal(memory.addressHigh, Number(first! >> 32n));
  }
});

Deno.test("IoVectors writes struct iovec", () => {
  const memory = new NativeMemory(1024);
  memory.bytes.fill(0xee, 0, 64);
  const vectors = new IoVectors(memory, 16, 3);
  vectors.set(0, 100, 7);
  vectors.set(2, 500, 65535);
  for (const [index, offset, length] of [[0, 100, 7], [2, 500, 65535]] as const) {
    assert.equal(addressAt(memory, 16 + 16 * index), Deno.UnsafePointer.value(memory.pointerAt(offset)));
    assert.equal(memory.view.getBigUint64(24 + 16 * index, true), BigInt(length));
    assert.deepEqual([vectors.offsetOf(index), vectors.lengthOf(index)], [offset, length]);
  }
});
