/**
 * What both ends say about themselves in an exchange of suite 2 (PROTOCOL.md section 5).
 *
 *     suites   short list of u32, 1 to 4 suite numbers, 2 among them
 *     offers   short list of (aead u8 | costNs u32), 1 to 4, aead 1 among them
 *
 * @module
 */

import { ProtocolError } from "../base/errors.ts";
import { MAX_COUNT, SUITE } from "./constants.ts";
import { type Field, record, shortList, u32, u8 } from "./fields.ts";

/** An AEAD that one end can use. */
export interface AeadOffer {
  /** 1 = AES-256-GCM, 2 = ChaCha20-Poly1305; others may be added. */
  aead: number;
  /** Measured nanoseconds to seal 1,350 bytes. */
  costNs: number;
}

/** Numbers of the suites that an end speaks. */
export const suites: Field<number[]> = shortList(u32, { min: 1, max: MAX_COUNT.suites });

/** The same of an end that is in an exchange of suite 2. */
export const modernSuites: Field<number[]> = including(
  suites,
  (numbers) => numbers.includes(SUITE.modern),
  "the suites of an exchange of suite 2 lack 2",
);

/** Which AEAD every end offers: AES-256-GCM, so that there is always one in common. */
const COMMON_AEAD = 1;

/** AEADs that an end offers. */
export const offers: Field<AeadOffer[]> = including(
  shortList(record({ aead: u8, costNs: u32 }), { min: 1, max: MAX_COUNT.offers }),
  (list) => list.some(({ aead }) => aead === COMMON_AEAD),
  "the AEADs on offer lack AES-256-GCM",
);

/** A list that is refused when it is read without what must be in it. */
function including<T>(field: Field<T[]>, isThere: (list: T[]) => boolean, fault: string): Field<T[]> {
  return {
    read: (reader) => {
      const list = field.read(reader);
      if (!isThere(list)) throw new ProtocolError(fault);
      return list;
    },
    write: (writer, list) => field.write(writer, list),
  };
}

/**
 * The AEAD both ends use: of those that both offer, the one whose slower end is fastest, on a tie the lower number.
 *
 * @returns its number, or null where the ends have none in common
 */
export function chooseAead(own: readonly AeadOffer[], other: readonly AeadOffer[]): number | null {
  const common = own.flatMap(({ aead, costNs }) => {
    const match = other.find((offer) => offer.aead === aead);
    return match === undefined ? [] : [{ aead, costNs: Math.max(costNs, match.costNs) }];
  });
  common.sort((a, b) => a.costNs - b.costNs || a.aead - b.aead);
  return common[0]?.aead ?? null;
}
