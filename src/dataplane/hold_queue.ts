const MAX_PER_ADDRESS = 16;
const MAX_PACKETS = 256;
const MAX_PACKET_BYTES = 2048;
const MAX_AGE_MS = 5000;
const WANTED_REPEAT_MS = 1000;
const MAX_WANTED = 1024;

/** A packet that waits. */
export interface HeldPacket {
  /** A copy of the packet. */
  bytes: Uint8Array;
  /** Whether its checksum is partial. */
  isPartial: boolean;
  /** When it came, in milliseconds. */
  heldAt: number;
}

/** Keeps the first packets for a virtual address until a tunnel can take them. It allocates, within its limits. */
export class HoldQueue {
  readonly #held = new Map<number, HeldPacket[]>();
  readonly #wantedAt = new Map<number, number>();
  #count = 0;

  /** Keeps a copy of a packet; false when there is no room. */
  put(address: number, bytes: Uint8Array, isPartial: boolean, now: number): boolean {
    const packets = this.#held.get(address) ?? [];
    if (bytes.length > MAX_PACKET_BYTES || packets.length >= MAX_PER_ADDRESS || this.#count >= MAX_PACKETS) {
      return false;
    }
    packets.push({ bytes: bytes.slice(), isPartial, heldAt: now });
    this.#held.set(address, packets);
    this.#count++;
    return true;
  }

  /** Addresses with packets waiting. */
  get addresses(): number[] {
    return [...this.#held.keys()];
  }

  /** Takes the packets for an address. */
  take(address: number): HeldPacket[] {
    const packets = this.#held.get(address) ?? [];
    this.#held.delete(address);
    this.#count -= packets.length;
    return packets;
  }

  /** Whether the control plane should hear (again) that an address is wanted. */
  shouldAsk(address: number, now: number): boolean {
    const askedAt = this.#wantedAt.get(address);
    if (askedAt !== undefined && now - askedAt < WANTED_REPEAT_MS) return false;
    if (askedAt === undefined && this.#wantedAt.size >= MAX_WANTED) return false;
    this.#wantedAt.set(address, now);
    return true;
  }

  /** Takes what waited too long. */
  expire(now: number): HeldPacket[] {
    for (const [address, askedAt] of this.#wantedAt) {
      if (now - askedAt >= WANTED_REPEAT_MS) this.#wantedAt.delete(address);
    }
    const dropped: HeldPacket[] = [];
    for (const [address, packets] of this.#held) {
      if (now - packets[0]!.heldAt < MAX_AGE_MS) continue;
      dropped.push(...this.take(address));
    }
    return dropped;
  }

  /** Whether there is anything to expire. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#wantedAt.size === 0;
  }
}
