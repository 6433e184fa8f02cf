const PAGE_BITS = 6;
const PAGE_MASK = (1 << PAGE_BITS) - 1;
const WORD = 2 ** 32;

/**
 * One block of memory that native code reads and writes by address, for as long as the object lives.
 *
 * The block never moves and never grows, and it lies within one 4 GiB stretch of the address space, so that structs may
 * keep the upper half of an address for good and write only its lower half (a 32-bit store, no BigInt).
 */
export class NativeMemory {
  /** The block. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same block. */
  readonly view: DataView<ArrayBuffer>;
  /** Lower 32 bits of the block's address, as a signed number. */
  readonly addressLow: number;
  /** Upper 32 bits of the address of every byte in the block. */
  readonly addressHigh: number;
  readonly #address: number;
  readonly #pages: (Deno.PointerValue[] | undefined)[];

  /** A block of `length` zero bytes. */
  constructor(length: number) {
    let [bytes, address] = allocate(length);
    if (Math.floor(address / WORD) !== Math.floor((address + length) / WORD)) [bytes, address] = allocate(length);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.addressLow = address | 0;
    this.addressHigh = Math.floor(address / WORD);
    this.#address = address;
    this.#pages = new Array((length >> PAGE_BITS) + 1).fill(undefined);
  }

  /**
   * The pointer to the byte at `offset`. Making one costs an op and an allocation, so each is made once and kept; the
   * receive path meets only as many as there are datagram sizes and places.
   */
  pointerAt(offset: number): Deno.PointerValue {
    let page = this.#pages[offset >> PAGE_BITS];
    if (page === undefined) {
      page = new Array<Deno.PointerValue>(PAGE_MASK + 1).fill(null);
      this.#pages[offset >> PAGE_BITS] = page;
    }
    const known = page[offset & PAGE_MASK]!;
    if (known !== null) return known;
    const made = Deno.UnsafePointer.create(BigInt(this.#address + offset));
    page[offset & PAGE_MASK] = made;
    return made;
  }

  /** Writes the address of the byte at `offset` as a pointer field (8 bytes, little-endian) at `fieldAt`. */
  writeAddress(fieldAt: number, offset: number): void {
    this.view.setInt32(fieldAt, (this.addressLow + offset) | 0, true);
    this.view.setUint32(fieldAt + 4, this.addressHigh, true);
  }

  /** The offset that a pointer field at `fieldAt` points to: what {@linkcode writeAddress} wrote. */
  readAddress(fieldAt: number): number {
    return (this.view.getInt32(fieldAt, true) - this.addressLow) | 0;
  }
}

function allocate(length: number): [bytes: Uint8Array<ArrayBuffer>, address: number] {
  const bytes = new Uint8Array(length);
  return [bytes, Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)))];
}
