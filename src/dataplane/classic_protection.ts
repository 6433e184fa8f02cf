import { classicMessageLength, classicPlaintextLength, openClassic, sealClassic } from "../crypto/classic.ts";
import { CLASSIC_ID_END } from "../protocol/constants.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { type OpenedInfo, PREVIOUS_KEYS_MS, type Protection, type ProtectionListener, REFUSED } from "./protection.ts";
import { ReplayWindow } from "./replay_window.ts";
import type { ClassicKeys, TunnelKeys } from "./types.ts";

const HEADER_LENGTH = 8;
const IV_LENGTH = 16;
/** Header, one block, iv and mac. */
const SHORTEST_DATAGRAM = classicMessageLength(1);

// docs/PROTOCOL.md, section 9.1.
const REKEY_AFTER_MESSAGES = 2 ** 28;
const REKEY_AFTER_MS = 3_600_000;
const REKEY_AFTER_BYTES = 64 * 2 ** 30;

interface KeySlot {
  readonly cipherKey: Uint8Array;
  readonly macKey: Uint8Array;
  readonly window: ReplayWindow;
  readonly madeAt: number;
  id: number;
  byteCount: number;
  openUntil: number;
}

/**
 * Suite 1: `spi u32 | id u32 | ciphertext | iv 16 | mac 12`. One pair of keys serves both directions; which of up to three
 * pairs a datagram is under, its MAC says. Slots move as in {@linkcode ModernProtection}.
 *
 * It allocates for each datagram and is some twenty times slower than suite 2.
 */
export class ClassicProtection implements Protection {
  readonly headerLength: number = HEADER_LENGTH;
  readonly #memory: NativeMemory;
  readonly #remoteSpi: number;
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #listener: ProtectionListener;
  #current: KeySlot | null = null;
  #next: KeySlot | null = null;
  #previous: KeySlot | null = null;

  /** A tunnel without keys; `randomBytes` gives initialisation vectors. */
  constructor(
    memory: NativeMemory,
    remoteSpi: number,
    randomBytes: (length: number) => Uint8Array,
    listener: ProtectionListener,
  ) {
    this.#memory = memory;
    this.#remoteSpi = remoteSpi;
    this.#randomBytes = randomBytes;
    this.#listener = listener;
  }

  datagramLength(plaintextLength: number): number {
    return classicMessageLength(plaintextLength);
  }

  plaintextLength(datagramLength: number): number {
    return classicPlaintextLength(datagramLength);
  }

  isReady(now: number): boolean {
    const slot = this.#current;
    const isWorn = slot !== null &&
      (now - slot.madeAt >= REKEY_AFTER_MS || slot.id >= REKEY_AFTER_MESSAGES || slot.byteCount >= REKEY_AFTER_BYTES);
    if (slot === null || isWorn) this.#listener.rekeyWanted(now);
    return slot !== null && slot.id < CLASSIC_ID_END;
  }

  seal(at: number, plaintextLength: number): boolean {
    const slot = this.#current;
    if (slot === null || slot.id >= CLASSIC_ID_END) return false;
    const { bytes, view } = this.#memory;
    view.setUint32(at, this.#remoteSpi);
    view.setUint32(at + 4, slot.id++);
    const header = bytes.subarray(at, at + HEADER_LENGTH);
    const plaintext = bytes.subarray(at + HEADER_LENGTH, at + HEADER_LENGTH + plaintextLength);
    bytes.set(sealClassic(header, plaintext, slot, this.#randomBytes(IV_LENGTH)), at);
    slot.byteCount += plaintextLength;
    return true;
  }

  open(at: number, length: number, now: number, into: OpenedInfo): number {
    if (length < SHORTEST_DATAGRAM) return REFUSED.malformed;
    const id = this.#memory.view.getUint32(at + 4);
    if (id === 0 || id >= CLASSIC_ID_END) return REFUSED.noKeys;
    const message = this.#memory.bytes.subarray(at, at + length);
    let refusal: number = REFUSED.noKeys;
    for (const slot of [this.#current, this.#next, this.#previous]) {
      if (slot === null || now >= slot.openUntil) continue;
      const plaintext = openClassic(message, slot);
      refusal = REFUSED.forged;
      if (plaintext === null) continue;
      if (!slot.window.isFresh(id)) return REFUSED.replayed;
      this.#accept(slot, id, into);
      this.#memory.bytes.set(plaintext, at + HEADER_LENGTH);
      return plaintext.length > 0 ? plaintext.length : REFUSED.malformed;
    }
    return refusal;
  }

  #accept(slot: KeySlot, id: number, into: OpenedInfo): void {
    const highest = slot.window.highest;
    slot.window.accept(id);
    const isNextUsed = this.#next !== null && this.#next.window.highest >= 0;
    into.epoch = 0;
    into.sequence = id;
    into.isNewest = id > highest && slot === (isNextUsed ? this.#next : this.#current);
    if (highest < 0 && slot === this.#next) this.#listener.keysConfirmed(0);
  }

  install(keys: TunnelKeys | ClassicKeys, use: "open" | "both", now: number): void {
    if ("aead" in keys) return;
    closeSlot(this.#next);
    this.#next = {
      cipherKey: keys.cipherKey.slice(),
      macKey: keys.macKey.slice(),
      window: new ReplayWindow(),
      madeAt: now,
      id: keys.firstSequence,
      byteCount: 0,
      openUntil: Infinity,
    };
    if (use === "both") this.use(0, now);
  }

  use(_epoch: number, now: number): void {
    if (this.#next === null) return;
    closeSlot(this.#previous);
    this.#previous = this.#current;
    if (this.#previous !== null) this.#previous.openUntil = now + PREVIOUS_KEYS_MS;
    this.#current = this.#next;
    this.#next = null;
  }

  expire(now: number): boolean {
    if (this.#previous !== null && now >= this.#previous.openUntil) this.#previous = closeSlot(this.#previous);
    return this.#previous !== null;
  }

  close(): void {
    for (const slot of [this.#current, this.#next, this.#previous]) closeSlot(slot);
    this.#current = this.#next = this.#previous = null;
  }
}

function closeSlot(slot: KeySlot | null): null {
  slot?.cipherKey.fill(0);
  slot?.macKey.fill(0);
  return null;
}
