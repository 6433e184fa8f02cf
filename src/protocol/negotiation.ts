/**
 * What both ends say about themselves in an exchange of suite 2 (PROTOCOL.md section 5).
 *
 *     suites   short list of u32, 1 to 4 suite numbers
 *     offers   short list of (aead u8 | costNs u32), 1 to 4
 *
 * @module
 */

import { MAX_COUNT } from "./constants.ts";
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

/** AEADs that an end offers. */
export const offers: Field<AeadOffer[]> = shortList(record({ aead: u8, costNs: u32 }), {
  min: 1,
  max: MAX_COUNT.offers,
});

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
