import type { Clock } from "../base/clock.ts";
import { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, sealAead } from "../crypto/mod.ts";
import type { AeadOffer } from "../protocol/mod.ts";

const SAMPLE_LENGTH = 1350;
const WARM_UP_COUNT = 50;
const SAMPLE_COUNT = 200;

/** What each AEAD costs on this machine, for HELO OK. Takes a few milliseconds. */
export function measureOffers(clock: Clock): AeadOffer[] {
  const [key, nonce, associatedData] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(13)];
  const sample = new Uint8Array(SAMPLE_LENGTH);
  return ([AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305] as const).map((aead) => {
    const seal = () => sealAead(aead, key, nonce, associatedData, sample);
    for (let count = 0; count < WARM_UP_COUNT; count++) seal();
    const startedAt = clock.now();
    for (let count = 0; count < SAMPLE_COUNT; count++) seal();
    return { aead, costNs: Math.round((clock.now() - startedAt) * 1e6 / SAMPLE_COUNT) };
  });
}
