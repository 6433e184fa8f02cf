import { AEAD_TAG_LENGTH } from "../crypto/aead.ts";
import { MODERN_SEQUENCE_END } from "../protocol/constants.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { RECORD_PREFIX_LENGTH, type RecordKernel } from "./aead.ts";
import type { AeadMakers } from "./aead_choice.ts";
import { type OpenedInfo, PREVIOUS_KEYS_MS, type Protection, type ProtectionListener, REFUSED } from "./protection.ts";
import { ReplayWindow } from "./replay_window.ts";
import type { ClassicKeys, TunnelKeys } from "./types.ts";

const SPI_LENGTH = 4;
const HEADER_LENGTH = SPI_LENGTH + RECORD_PREFIX_LENGTH;
const OVERHEAD = HEADER_LENGTH + AEAD_TAG_LENGTH;

// docs/PROTOCOL.md, section 9.2.
const REKEY_AFTER_MESSAGES = 2 ** 26;
const REKEY_AFTER_MS = 120_000;
const REJECT_AFTER_MS = 180_000;

/** Both directions of the keys of one epoch. */
interface KeySlot {
  readonly epoch: number;
  readonly sealer: RecordKernel;
  readonly opener: RecordKernel;
  readonly window: ReplayWindow;
  readonly madeAt: number;
  sequence: number;
  openUntil: number;
}

/**
 * Suite 2: `spi u32 | epoch u8, sequence u56 | ciphertext | tag 16`.
 *
 *     install "open"  --> next --(use)--> current --(use, install "both")--> previous --10 s--> cleared
 *     install "both"  -------------------> current
 *
 * Keys of a plain tunnel leave the text as it is: then only the tag is made and checked.
 *
 * Only `current` seals; all three open. An epoch names at most one of them.
 */
export class ModernProtection implements Protection {
  readonly headerLength: number = HEADER_LENGTH;
  readonly #memory: NativeMemory;
  readonly #remoteSpi: number;
  readonly #makers: AeadMakers;
  readonly #listener: ProtectionListener;
  #current: KeySlot | null = null;
  #next: KeySlot | null = null;
  #previous: KeySlot | null = null;

  /** A tunnel without keys. */
  constructor(memory: NativeMemory, remoteSpi: number, makers: AeadMakers, listener: ProtectionListener) {
    this.#memory = memory;
    this.#remoteSpi = remoteSpi | 0;
    this.#makers = makers;
    this.#listener = listener;
  }

  datagramLength(plaintextLength: number): number {
    return plaintextLength + OVERHEAD;
  }

  plaintextLength(datagramLength: number): number {
    return datagramLength - OVERHEAD;
  }

  isReady(now: number): boolean {
    const slot = this.#current;
    const age = slot === null ? Infinity : now - slot.madeAt;
    if (slot === null || age >= REKEY_AFTER_MS || slot.sequence >= REKEY_AFTER_MESSAGES) {
      this.#listener.rekeyWanted(now);
    }
    return slot !== null && age < REJECT_AFTER_MS && slot.sequence < MODERN_SEQUENCE_END;
  }

  seal(at: number, plaintextLength: number): boolean {
    const slot = this.#current;
    if (slot === null || slot.sequence >= MODERN_SEQUENCE_END) return false;
    const { view } = this.#memory;
    view.setInt32(at, this.#remoteSpi);
    view.setInt32(at + 4, slot.epoch << 24);
    view.setInt32(at + 8, slot.sequence++);
    return slot.sealer.process(at + SPI_LENGTH, plaintextLength);
  }

  open(at: number, length: number, now: number, into: OpenedInfo): number {
    if (length <= OVERHEAD) return REFUSED.malformed;
    const { view } = this.#memory;
    const high = view.getInt32(at + 4);
    const sequence = view.getInt32(at + 8);
    // Bits 32 to 55 are in `high`; a sequence with bit 31 set reads as negative.
    if ((high & 0xffffff) !== 0 || sequence < 1 || sequence >= MODERN_SEQUENCE_END) return REFUSED.noKeys;
    const slot = this.#slotOf(high >>> 24);
    if (slot === null || now >= slot.openUntil) return REFUSED.noKeys;
    if (!slot.window.isFresh(sequence)) return REFUSED.replayed;
    if (!slot.opener.process(at + SPI_LENGTH, length - OVERHEAD)) return REFUSED.forged;
    this.#accept(slot, sequence, into);
    return length - OVERHEAD;
  }

  #slotOf(epoch: number): KeySlot | null {
    if (this.#current?.epoch === epoch) return this.#current;
    if (this.#next?.epoch === epoch) return this.#next;
    return this.#previous?.epoch === epoch ? this.#previous : null;
  }

  #accept(slot: KeySlot, sequence: number, into: OpenedInfo): void {
    const highest = slot.window.highest;
    const isFirst = highest < 0;
    slot.window.accept(sequence);
    into.epoch = slot.epoch;
    into.sequence = sequence;
    into.isNewest = sequence > highest && slot === this.#newest();
    if (isFirst && slot === this.#next) this.#listener.keysConfirmed(slot.epoch);
  }

  /** The youngest keys under which something authentic has come. */
  #newest(): KeySlot | null {
    return this.#next !== null && this.#next.window.highest >= 0 ? this.#next : this.#current;
  }

  install(keys: TunnelKeys | ClassicKeys, use: "open" | "both", now: number): void {
    if (!("aead" in keys)) return;
    this.#forget(keys.epoch);
    const maker = keys.isPlain ? this.#makers.plain : this.#makers[keys.aead];
    const slot: KeySlot = {
      epoch: keys.epoch,
      sealer: maker.sealer({ key: keys.sealKey, salt: keys.sealSalt }, keys.epoch, keys.firstSequence),
      opener: maker.opener({ key: keys.openKey, salt: keys.openSalt }),
      window: new ReplayWindow(),
      madeAt: now,
      sequence: keys.firstSequence,
      openUntil: now + REJECT_AFTER_MS + PREVIOUS_KEYS_MS,
    };
    closeSlot(this.#next);
    this.#next = slot;
    if (use === "both") this.#promote(now);
  }

  use(epoch: number, now: number): void {
    if (this.#next?.epoch === epoch) this.#promote(now);
  }

  #promote(now: number): void {
    closeSlot(this.#previous);
    this.#previous = this.#current;
    if (this.#previous !== null) {
      this.#previous.openUntil = Math.min(this.#previous.openUntil, now + PREVIOUS_KEYS_MS);
      this.#previous.sealer.close();
    }
    this.#current = this.#next;
    this.#next = null;
  }

  /** Two slots of one epoch could not be told apart: the new keys win. */
  #forget(epoch: number): void {
    if (this.#current?.epoch === epoch) this.#current = closeSlot(this.#current);
    if (this.#next?.epoch === epoch) this.#next = closeSlot(this.#next);
    if (this.#previous?.epoch === epoch) this.#previous = closeSlot(this.#previous);
  }

  expire(now: number): boolean {
    if (this.#previous !== null && now >= this.#previous.openUntil) this.#previous = closeSlot(this.#previous);
    if (this.#next !== null && now >= this.#next.openUntil) this.#next = closeSlot(this.#next);
    if (this.#current !== null && now >= this.#current.openUntil) this.#current = closeSlot(this.#current);
    return this.#previous !== null || this.#next !== null || this.#current !== null;
  }

  close(): void {
    for (const slot of [this.#current, this.#next, this.#previous]) closeSlot(slot);
    this.#current = this.#next = this.#previous = null;
  }
}

function closeSlot(slot: KeySlot | null): null {
  slot?.sealer.close();
  slot?.opener.close();
  return null;
}
