/** When keys of suite 2 leave the text readable: by the signed word of both ends, and never otherwise. */
import assert from "node:assert/strict";
import { CAPABILITY, DATAGRAM, modernExchange } from "../../src/protocol/mod.ts";
import { changing, ExchangeWorld, type Network } from "./exchange_world.ts";

const CONSENTS = { capabilities: CAPABILITY.partialChecksums | CAPABILITY.plainTunnels };

/** Both ends after an exchange. */
function exchange(isWanted: { a: boolean; b: boolean }, network?: Network): ExchangeWorld {
  const world = new ExchangeWorld({
    suite: 2,
    ...(isWanted.a ? { partyA: CONSENTS } : {}),
    ...(isWanted.b ? { partyB: CONSENTS } : {}),
    ...(network === undefined ? {} : { network }),
  });
  world.start(world.a);
  world.run(240);
  return world;
}

/** Whether the keys that each end was last given are plain. */
const plainness = ({ a, b }: ExchangeWorld) => [a.dataPlane.isPlain, b.dataPlane.isPlain];

for (const a of [false, true]) {
  for (const b of [false, true]) {
    Deno.test(
      `an exchange in which ${a ? "a consents" : "a does not consent"} and b ${b ? "does" : "does not"} ${
        a && b ? "gives plain keys" : "gives keys that encrypt"
      }`,
      () => {
        const world = exchange({ a, b });
        assert.ok(world.isUp);
        assert.deepEqual(plainness(world), [a && b, a && b]);
      },
    );
  }
}

for (
  const [who, type, isWanted] of [
    ["the initiator", DATAGRAM.modernKe1a, { a: false, b: true }],
    ["the responder", DATAGRAM.modernKe2a, { a: true, b: false }],
  ] as const
) {
  Deno.test(`nobody on the way can consent in the name of ${who}: no keys come of it`, () => {
    const codec = type === DATAGRAM.modernKe1a ? modernExchange.ke1a : modernExchange.ke2a;
    const network = changing(type, (bytes) => codec.encode({ ...codec.decode(bytes), ...CONSENTS } as never));
    const world = exchange(isWanted, network);
    assert.ok(!world.isUp);
    assert.deepEqual(plainness(world), [null, null]);
    assert.deepEqual([...new Set([...world.a.drops, ...world.b.drops])], ["identity does not hold"]);
  });
}
