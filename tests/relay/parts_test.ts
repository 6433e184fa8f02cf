import { deepEqual, equal, throws } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import { type Command, decodeCommand, encodeCommand, MAX_COMMAND_LENGTH } from "../../src/relay/commands.ts";
import { equalTag } from "../../src/relay/cookies.ts";
import { rateBucket } from "../../src/relay/rate.ts";
import { TokenBucket } from "../../src/relay/token_bucket.ts";
import { endpointOf } from "./relay_fixture.ts";

Deno.test("Commands to the forwarding thread round-trip", () => {
  const binding = { spi: 0x80000001, peerSpi: 257, class: 2, rateKbit: 9, endpoint: endpointOf(1, 4000) };
  const commands: Command[] = [
    { do: "set", binding },
    { do: "clear", spi: 0xffffffff },
    { do: "send", to: endpointOf(2, 5), datagram: new Uint8Array(165).fill(3) },
  ];
  for (const command of commands) {
    const bytes = encodeCommand(command);
    deepEqual(decodeCommand(bytes), command);
    equal(bytes.length < MAX_COMMAND_LENGTH, true);
  }
  throws(() => decodeCommand(new Uint8Array([1, 2])), ProtocolError);
});

Deno.test("TokenBucket lets a burst through and then what the rate allows", () => {
  const bucket = new TokenBucket(1000, 100, 0);
  equal(bucket.take(100, 0), true);
  equal(bucket.take(1, 0), false);
  equal(bucket.take(10, 10), true);
  equal(bucket.take(1, 10), false);
  equal(bucket.isFull(109), false);
  equal(bucket.isFull(110), true);
  equal(bucket.take(101, 10_000), false, "never more than the burst");
});

Deno.test("rateBucket holds the ticket's rate and the class's, whichever is lower", () => {
  const allowedIn = (rateKbit: number, relayClass: number, rates: { low: number; high: number }) => {
    const binding = { spi: 1, peerSpi: 2, endpoint: endpointOf(1, 1), class: relayClass, rateKbit };
    const bucket = rateBucket(binding, rates, 0);
    if (bucket === null) return null;
    let bytes = 0;
    for (let now = 0; now <= 10_000; now++) while (bucket.take(1000, now)) bytes += 1000;
    return Math.round((bytes * 8 - 131_072 * 8) / 10_000);
  };
  equal(allowedIn(0, 1, { low: 0, high: 0 }), null);
  equal(allowedIn(0, 2, { low: 500, high: 0 }), null);
  equal(allowedIn(800, 2, { low: 0, high: 0 }), 800);
  equal(allowedIn(0, 1, { low: 400, high: 0 }), 400);
  equal(allowedIn(800, 1, { low: 400, high: 0 }), 400);
  equal(allowedIn(300, 1, { low: 400, high: 0 }), 300);
});

Deno.test("equalTag holds for equal tags only", () => {
  equal(equalTag(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  for (const other of [[1, 3], [0, 2], [1], [1, 2, 3], []]) {
    equal(equalTag(Uint8Array.of(1, 2), Uint8Array.from(other)), false);
  }
});
