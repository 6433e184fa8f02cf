import type { NativeMemory } from "./native_memory.ts";

/** `struct iovec { void *base; size_t length; }` on 64-bit systems. */
export const IO_VECTOR_LENGTH = 16;

/** An array of `struct iovec` whose buffers lie in the same memory as the array itself. */
export class IoVectors {
  /** Where the array begins. */
  readonly at: number;
  /** How many vectors it has room for. */
  readonly capacity: number;
  readonly #memory: NativeMemory;

  /** Takes `capacity` × {@linkcode IO_VECTOR_LENGTH} bytes at `at`. */
  constructor(memory: NativeMemory, at: number, capacity: number) {
    this.#memory = memory;
    this.at = at;
    this.capacity = capacity;
    for (let index = 0; index < capacity; index++) {
      memory.writeAddress(at + index * IO_VECTOR_LENGTH, 0);
      memory.view.setUint32(at + index * IO_VECTOR_LENGTH + 12, 0, true);
    }
  }

  /** Points vector `index` at `length` bytes from `offset` on; the upper halves of both fields were set for good. */
  set(index: number, offset: number, length: number): void {
    const at = this.at + index * IO_VECTOR_LENGTH;
    this.#memory.view.setInt32(at, (this.#memory.addressLow + offset) | 0, true);
    this.#memory.view.setInt32(at + 8, length, true);
  }

  /** Where vector `index` points. */
  offsetOf(index: number): number {
    return this.#memory.readAddress(this.at + index * IO_VECTOR_LENGTH);
  }

  /** How many bytes vector `index` covers. */
  lengthOf(index: number): number {
    return this.#memory.view.getInt32(this.at + index * IO_VECTOR_LENGTH + 8, true);
  }
}
