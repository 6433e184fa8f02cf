/** The data plane of one tunnel as the exchange sees it, with real seals: keys that do not agree do not open. */

import { concat, equalBytes } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { Random } from "../../src/base/random.ts";
import { openClassic, sealClassic } from "../../src/crypto/mod.ts";
import {
  decodeClassicDataHeader,
  decodeModernDataHeader,
  encodeClassicDataHeader,
  encodeDataCounter,
  encodeInnerFrame,
  encodeModernDataHeader,
  type ModernDataHeader,
} from "../../src/protocol/mod.ts";
import type { ClassicTunnelKeys, ModernTunnelKeys } from "../../src/session/mod.ts";
import { openModern, sealModern } from "../../src/session/modern_keys.ts";

type Keys = ClassicTunnelKeys | ModernTunnelKeys;

interface Slot {
  keys: Keys;
  epoch: number;
  sequence: number;
  isForOpeningOnly: boolean;
}

/** What a datagram held. */
export interface Opened {
  frame: Uint8Array;
  /** The epoch of keys that had been for opening only until now, or null. */
  confirmedEpoch: number | null;
}

/** Keys in use, the next, and the former ones. */
export class DataPlaneTwin {
  #slots: Slot[] = [];
  #sealing: Slot | null = null;
  readonly #remoteSpi: number;
  readonly #random: Random;

  /** Without keys. */
  constructor(remoteSpi: number, random: Random) {
    this.#remoteSpi = remoteSpi;
    this.#random = random;
  }

  /** Whether the newest keys leave the text readable; null without keys of suite 2. */
  get isPlain(): boolean | null {
    const keys = this.#slots[0]?.keys;
    return keys?.suite === 2 ? keys.isPlain : null;
  }

  /** Takes keys as the data plane does; those of the same epoch make way. */
  install(keys: Keys, use: "open" | "both"): void {
    const epoch = keys.suite === 2 ? keys.epoch : 0;
    const slot = { keys, epoch, sequence: keys.firstSequence, isForOpeningOnly: use === "open" };
    const kept = this.#slots.filter((other) => keys.suite === 1 || other.epoch !== epoch);
    this.#slots = [slot, ...kept].slice(0, 3);
    if (use === "both") this.#sealing = slot;
  }

  /** Seals with keys that were for opening only. */
  use(epoch: number): void {
    const slot = this.#slots.find((each) => each.epoch === epoch);
    if (slot === undefined) throw new Error(`no keys of epoch ${epoch}`);
    slot.isForOpeningOnly = false;
    this.#sealing = slot;
  }

  /** A datagram with one frame, or null without keys. */
  seal(frameType: number, payload: Uint8Array): Uint8Array | null {
    const slot = this.#sealing;
    if (slot === null) return null;
    const [spi, frame, sequence] = [this.#remoteSpi, encodeInnerFrame(frameType, payload), slot.sequence++];
    if (slot.keys.suite === 1) {
      return sealClassic(encodeClassicDataHeader({ spi, id: sequence }), frame, slot.keys, this.#random.bytes(16));
    }
    const { aead, sealKey: key, sealSalt: salt, epoch } = slot.keys;
    const sealed = sealModern(aead, { key, salt }, encodeDataCounter(epoch, sequence), frame);
    return concat(encodeModernDataHeader({ spi, epoch, sequence }), sealed);
  }

  /** What a datagram to us holds, or null. */
  open(datagram: Uint8Array): Opened | null {
    for (const slot of this.#slots) {
      const frame = openWith(slot.keys, datagram);
      if (frame === null) continue;
      const confirmedEpoch = slot.isForOpeningOnly ? slot.epoch : null;
      slot.isForOpeningOnly = false;
      return { frame, confirmedEpoch };
    }
    return null;
  }

  /** Whether this end seals with keys. */
  get isSealing(): boolean {
    return this.#sealing !== null;
  }

  /** Whether both ends seal with keys of one exchange. */
  agreesWith(other: DataPlaneTwin): boolean {
    const [a, b] = [this.#sealing?.keys, other.#sealing?.keys];
    if (a === undefined || b === undefined || a.suite !== b.suite) return false;
    if (a.suite === 1 || b.suite === 1) {
      return a.suite === 1 && b.suite === 1 && equalBytes(a.cipherKey, b.cipherKey) && equalBytes(a.macKey, b.macKey);
    }
    return a.epoch === b.epoch && equalBytes(a.sealKey, b.openKey) && equalBytes(a.openKey, b.sealKey) &&
      equalBytes(a.sealSalt, b.openSalt) && equalBytes(a.openSalt, b.sealSalt) && !equalBytes(a.sealKey, a.openKey);
  }
}

function openWith(keys: Keys, datagram: Uint8Array): Uint8Array | null {
  if (keys.suite === 1) {
    return decodeClassicDataHeader(datagram).id < keys.firstSequence ? null : openClassic(datagram, keys);
  }
  const header = headerOrNull(datagram);
  if (header?.epoch !== keys.epoch) return null;
  const { epoch, sequence } = header;
  const direction = { key: keys.openKey, salt: keys.openSalt };
  return openModern(keys.aead, direction, encodeDataCounter(epoch, sequence), datagram.subarray(12));
}

function headerOrNull(datagram: Uint8Array): ModernDataHeader | null {
  try {
    return decodeModernDataHeader(datagram);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
