/**
 * Which kernel seals and opens here: the system's libcrypto where it is there and right, else the portable one.
 *
 * @module
 */
import { concat, equalBytes, fromHex } from "../base/bytes.ts";
import { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, AEAD_TAG_LENGTH, type AeadId } from "../crypto/aead.ts";
import { type Libcrypto, openLibcrypto } from "../ffi/libcrypto.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import {
  type AeadMaker,
  type KernelMaker,
  libcryptoMaker,
  portableMaker,
  RECORD_PREFIX_LENGTH,
  type RecordKey,
} from "./aead.ts";
import { LINEAR_AT } from "./arena.ts";
import { libcryptoPlainMaker, portablePlainMaker } from "./plain.ts";
import type { AeadCost } from "./types.ts";

/** The kernels in use: by AEAD, and those of plain tunnels. */
export type AeadMakers = Readonly<Record<AeadId, AeadMaker>> & { readonly plain: KernelMaker };

const MEASURED_LENGTH = 1350;
const MEASURE_MS = 1;
const MEASURE_ROUNDS = 3;
const BATCH = 16;

// Made with @noble/ciphers: key 40 41 …, salt a0 a1 …, plaintext 00 01 … 24.
const EPOCH = 5;
const SEQUENCE = 0x01020304;
const KEY: RecordKey = { key: counting(32, 0x40), salt: counting(12, 0xa0) };
const PLAINTEXT = counting(37, 0);
const ANSWERS: Record<AeadId, string> = {
  [AEAD_AES_256_GCM]: "9cb7171cb2abef9b7b9ad120d8a0a0c46341cdf9c8a406f6aaf988ed31dd4869" +
    "d7f3c72a6f20e8bdb99da11ef177f3d07a6bd82d29",
  [AEAD_CHACHA20_POLY1305]: "bad76982912042d5f991ac735de8d2bc851737b109acb7de80c911ad91ea3877" +
    "fd26b563fc6137335c843594f9bf06a15550ac0672",
};

function counting(length: number, first: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => first + index);
}

/** The same text, and the tag that leaves it readable. */
const PLAIN_ANSWER = concat(PLAINTEXT, fromHex("99b03f48bbbd67a04f60537ec82e2f64"));

/** The fastest kernels that give the right answers; `portableOnly` leaves libcrypto aside. @throws {Error} if none does. */
export function chooseAeads(memory: NativeMemory, portableOnly = false): AeadMakers {
  const library = portableOnly ? null : openLibcrypto();
  const choose = <M extends KernelMaker>(native: (library: Libcrypto) => M, portable: M): M => {
    const maker = library === null ? null : native(library);
    if (maker !== null && isRight(memory, maker)) return maker;
    if (!isRight(memory, portable)) throw new Error("Cannot protect packets: a known answer of a cipher does not hold");
    return portable;
  };
  const aead = (id: AeadId) => choose((found) => libcryptoMaker(memory, found, id), portableMaker(memory, id));
  return {
    1: aead(AEAD_AES_256_GCM),
    2: aead(AEAD_CHACHA20_POLY1305),
    plain: choose((found) => libcryptoPlainMaker(memory, found), portablePlainMaker(memory)),
  };
}

/** Whether a maker's kernels give the known answer, take it back, and refuse it with any one bit changed. */
export function isRight(memory: NativeMemory, maker: AeadMaker | KernelMaker): boolean {
  const expected = "aead" in maker ? fromHex(ANSWERS[maker.aead]) : PLAIN_ANSWER;
  const at = LINEAR_AT;
  const text = at + RECORD_PREFIX_LENGTH;
  const message = memory.bytes.subarray(at, text + expected.length);
  const kernels = tryMake(maker);
  if (kernels === null) return false;
  const [sealer, opener] = kernels;
  try {
    writePrefix(memory, at);
    memory.bytes.set(PLAINTEXT, text);
    if (!sealer.process(at, PLAINTEXT.length)) return false;
    const sealed = message.slice();
    if (!equalBytes(sealed.subarray(RECORD_PREFIX_LENGTH), expected)) return false;
    for (let index = 0; index < sealed.length; index++) {
      message.set(sealed);
      message[index]! ^= 1 << (index & 7);
      if (opener.process(at, PLAINTEXT.length)) return false;
    }
    message.set(sealed);
    return opener.process(at, PLAINTEXT.length) &&
      equalBytes(memory.bytes.subarray(text, text + PLAINTEXT.length), PLAINTEXT);
  } finally {
    sealer.close();
    opener.close();
  }
}

function tryMake(maker: KernelMaker) {
  try {
    return [maker.sealer(KEY, EPOCH, SEQUENCE), maker.opener(KEY)] as const;
  } catch {
    // A libcrypto built without this cipher; there is another kernel.
    return null;
  }
}

function writePrefix(memory: NativeMemory, at: number): void {
  memory.view.setUint32(at, EPOCH * 2 ** 24);
  memory.view.setUint32(at + 4, SEQUENCE);
}

/** How long the chosen kernels take, in about 6 ms. `now` is in milliseconds. */
export function measureAeads(memory: NativeMemory, makers: AeadMakers, now: () => number): AeadCost[] {
  return [makers[AEAD_AES_256_GCM], makers[AEAD_CHACHA20_POLY1305]].map((maker) => ({
    aead: maker.aead,
    costNs: measure(memory, maker, now),
  }));
}

/** The best of a few short rounds: the first ones also make the engine compile the calls. */
function measure(memory: NativeMemory, maker: AeadMaker, now: () => number): number {
  const sealer = maker.sealer(KEY, EPOCH, 1);
  const at = LINEAR_AT;
  let bestNs = Infinity;
  let sequence = 1;
  memory.view.setUint32(at, EPOCH * 2 ** 24);
  for (let round = 0; round < MEASURE_ROUNDS; round++) {
    const startedAt = now();
    let count = 0;
    for (let elapsed = 0; elapsed < MEASURE_MS; elapsed = now() - startedAt) {
      for (let index = 0; index < BATCH; index++, count++) {
        memory.view.setUint32(at + 4, sequence++);
        sealer.process(at, MEASURED_LENGTH);
      }
    }
    bestNs = Math.min(bestNs, (now() - startedAt) * 1e6 / count);
  }
  sealer.close();
  memory.bytes.fill(0, at, at + RECORD_PREFIX_LENGTH + MEASURED_LENGTH + AEAD_TAG_LENGTH);
  return Math.round(bestNs);
}
