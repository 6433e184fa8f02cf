import { deepEqual, equal, throws } from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { CONTROL } from "../../src/protocol/mod.ts";
import { CONTROL_SAMPLES } from "./control_samples.ts";
import { DATAGRAM_SAMPLES, EXCHANGE_SAMPLES, INNER_SAMPLES } from "./datagram_samples.ts";
import { LOGIN_SAMPLES } from "./login_samples.ts";
import type { Sample } from "./sample.ts";

const ALL_SAMPLES = [...LOGIN_SAMPLES, ...EXCHANGE_SAMPLES, ...DATAGRAM_SAMPLES, ...INNER_SAMPLES, ...CONTROL_SAMPLES];

Deno.test("Every codec writes the bytes of its table and reads them back", async (t) => {
  for (const sample of ALL_SAMPLES) {
    await t.step(sample.name, () => {
      equal(toHex(sample.codec.encode(sample.value)), sample.hex);
      deepEqual(sample.codec.decode(fromHex(sample.hex)), sample.value);
    });
  }
});

Deno.test("Every codec refuses a message cut short at any byte", () => {
  for (const sample of ALL_SAMPLES.filter(({ hasRest }) => !hasRest)) {
    const bytes = fromHex(sample.hex);
    for (let length = 0; length < bytes.length; length++) {
      throws(() => sample.codec.decode(bytes.subarray(0, length)), ProtocolError, `${sample.name} of ${length} bytes`);
    }
  }
});

Deno.test("Strict codecs refuse one byte too many, lax ones ignore what follows", () => {
  for (const sample of ALL_SAMPLES.filter(({ hasRest }) => !hasRest)) {
    const longer = fromHex(sample.hex + "00");
    if (sample.isStrict) throws(() => sample.codec.decode(longer), ProtocolError, sample.name);
    else deepEqual(sample.codec.decode(longer), sample.value, sample.name);
  }
});

Deno.test("Decoded records keep no view of the receive buffer", () => {
  for (const sample of ALL_SAMPLES) {
    const buffer = fromHex(sample.hex);
    const value = sample.codec.decode(buffer);
    buffer.fill(0xee);
    deepEqual(value, sample.value, sample.name);
  }
});

Deno.test("Codecs meet 20,000 damaged messages with ProtocolError or a message that encodes to the same bytes", () => {
  const random = seededRandom(20_25);
  for (let round = 0; round < 20_000; round++) {
    const sample = ALL_SAMPLES[round % ALL_SAMPLES.length]!;
    const damaged = damage(sample, random);
    let value: unknown;
    try {
      value = sample.codec.decode(damaged);
    } catch (error) {
      equal(error instanceof ProtocolError, true, `${sample.name}: ${error}`);
      continue;
    }
    if ((value as { type?: string }).type === "unknown") continue;
    const again = sample.codec.encode(value);
    equal(toHex(again), toHex(damaged).slice(0, again.length * 2), sample.name);
    if (sample.isStrict) equal(again.length, damaged.length, sample.name);
  }
});

/** A few bytes changed, most often near the front where lengths are, sometimes cut, sometimes longer. */
function damage(sample: Sample, random: ReturnType<typeof seededRandom>): Uint8Array {
  const bytes = fromHex(sample.hex);
  const reach = random.below(2) === 0 ? Math.min(bytes.length, 24) : bytes.length;
  for (let n = random.below(4); n > 0 && reach > 0; n--) {
    const interesting = [0, 1, 0x7f, 0x80, 0xff, random.below(256)];
    bytes[random.below(reach)] = interesting[random.below(interesting.length)]!;
  }
  if (random.below(4) === 0) return bytes.slice(0, random.below(bytes.length + 1));
  return random.below(8) === 0 ? fromHex(toHex(bytes) + toHex(random.bytes(random.below(9)))) : bytes;
}

Deno.test("The samples cover every control message", () => {
  deepEqual(CONTROL_SAMPLES.map(({ name }) => name), Object.keys(CONTROL));
});
