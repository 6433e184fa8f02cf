import assert from "node:assert/strict";
import { concat } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateDh, sealClassic } from "../../src/crypto/mod.ts";
import {
  CONFIRM_MESSAGE_LENGTH,
  encodeClassicDataHeader,
  encodeInnerFrame,
  INNER_FRAME,
} from "../../src/protocol/mod.ts";
import {
  type ClassicConfirmation,
  classicTunnelKeys,
  confirmHolds,
  deriveConfirmation,
  sealConfirm,
} from "../../src/session/classic_confirm.ts";
import { makeTunnel, type Tunnel } from "../../src/session/exchange_machine.ts";
import type { TunnelParameters } from "../../src/session/mod.ts";
import { localParty, peerParty, RSA } from "./parties.ts";

const random = seededRandom(12);
const [ALICE, BOB] = [localParty("alice", 1, RSA[1]), localParty("bob", 2, RSA[2])];
const [DH_A, DH_B] = [generateDh(random), generateDh(random)];
const NONCES = { nonceI: random.bytes(128), nonceR: random.bytes(128) };
const DATAGRAMS = { ke1: random.bytes(907), ke2: random.bytes(651), ke3: random.bytes(719) };

function tunnelOf(changes: Partial<TunnelParameters> = {}): Tunnel {
  const settings = { sources: { candidates: [], relays: [] }, networkSecrets: new Map() };
  const peer = peerParty(BOB, 1);
  return makeTunnel({ suite: 1, localSpi: 1000, remoteSpi: 2000, local: ALICE, peer, ...changes }, settings);
}

function derive(tunnel: Tunnel = tunnelOf(), nonces = NONCES, datagrams = DATAGRAMS): ClassicConfirmation {
  const secrets = { privateKey: DH_A.privateKey, peerValue: DH_B.publicValue, ownValue: DH_A.publicValue };
  return deriveConfirmation(tunnel, secrets, nonces, datagrams)!;
}

const KNOWN = derive();

Deno.test("deriveConfirmation gives both ends the same keys and MACs, another MAC for each role", () => {
  const secrets = { privateKey: DH_B.privateKey, peerValue: DH_A.publicValue, ownValue: DH_B.publicValue };
  const bobs = tunnelOf({ localSpi: 2000, remoteSpi: 1000, local: BOB, peer: peerParty(ALICE, 1) });
  assert.deepEqual(deriveConfirmation(bobs, secrets, NONCES, DATAGRAMS), KNOWN);
  assert.notDeepEqual(KNOWN.macI, KNOWN.macR);
  assert.equal(KNOWN.macI.length, 20);
});

Deno.test("deriveConfirmation binds addresses, keys, SPIs and all three datagrams, but not the cookie", () => {
  const changed = (bytes: Uint8Array, at: number) => {
    const copy = bytes.slice();
    copy[at]! ^= 1;
    return copy;
  };
  const others = [
    derive(tunnelOf({ peer: { ...peerParty(BOB, 1), address: 3 } })),
    derive(tunnelOf({ local: { ...ALICE, address: 3 } })),
    derive(tunnelOf({ local: { ...ALICE, rsa: RSA[0] } })),
    derive(tunnelOf({ peer: { ...peerParty(BOB, 1), publicKey: RSA[0].publicBlob } })),
    derive(tunnelOf({ localSpi: 1001 })),
    derive(tunnelOf({ remoteSpi: 2001 })),
    derive(tunnelOf(), NONCES, { ...DATAGRAMS, ke1: changed(DATAGRAMS.ke1, 25) }),
    derive(tunnelOf(), NONCES, { ...DATAGRAMS, ke2: changed(DATAGRAMS.ke2, 650) }),
    derive(tunnelOf(), NONCES, { ...DATAGRAMS, ke3: changed(DATAGRAMS.ke3, 719 - CONFIRM_MESSAGE_LENGTH - 1) }),
  ];
  for (const [index, { macI, macR }] of others.entries()) {
    assert.notDeepEqual(macI, KNOWN.macI, `change ${index}`);
    assert.notDeepEqual(macR, KNOWN.macR, `change ${index}`);
  }
  const same = [
    derive(tunnelOf(), NONCES, { ...DATAGRAMS, ke1: changed(DATAGRAMS.ke1, 9) }),
    derive(tunnelOf(), NONCES, { ...DATAGRAMS, ke3: changed(DATAGRAMS.ke3, 718) }),
  ];
  for (const each of same) assert.deepEqual(each, KNOWN);
});

Deno.test("deriveConfirmation refuses a public value that would force the key", () => {
  const secrets = { privateKey: DH_A.privateKey, peerValue: DH_A.publicValue, ownValue: DH_A.publicValue };
  assert.equal(deriveConfirmation(tunnelOf(), secrets, NONCES, DATAGRAMS), null);
});

Deno.test("confirmHolds takes the sealed MAC of the other role, to our SPI, with ids 1 to 64", () => {
  for (const id of [1, 2, 64]) {
    const message = sealConfirm(KNOWN, KNOWN.macI, 2000, id, random)!;
    assert.equal(message.length, CONFIRM_MESSAGE_LENGTH);
    assert.ok(confirmHolds(KNOWN, KNOWN.macI, 2000, message));
    assert.equal(confirmHolds(KNOWN, KNOWN.macR, 2000, message), false, "the other role's");
    assert.equal(confirmHolds(KNOWN, KNOWN.macI, 1000, message), false, "to another SPI");
  }
  assert.equal(sealConfirm(KNOWN, KNOWN.macI, 2000, 65, random), null);
});

Deno.test("confirmHolds refuses ids outside 1 to 64, other frames, other keys and changed bytes", () => {
  const seal = (id: number, frame: Uint8Array) =>
    sealClassic(encodeClassicDataHeader({ spi: 2000, id }), frame, KNOWN.keymat, random.bytes(16));
  const confirm = encodeInnerFrame(INNER_FRAME.confirm, KNOWN.macI);
  assert.ok(confirmHolds(KNOWN, KNOWN.macI, 2000, seal(1, confirm)));
  const refused = [
    seal(0, confirm),
    seal(65, confirm),
    seal(1, encodeInnerFrame(INNER_FRAME.keepalive, KNOWN.macI)),
    seal(1, confirm.subarray(0, 20)),
    seal(1, concat(confirm, Uint8Array.of(0))),
    seal(1, new Uint8Array(0)),
    new Uint8Array(CONFIRM_MESSAGE_LENGTH),
  ];
  for (const [index, message] of refused.entries()) {
    assert.equal(confirmHolds(KNOWN, KNOWN.macI, 2000, message), false, `case ${index}`);
  }
  const other = derive(tunnelOf(), { ...NONCES, nonceR: random.bytes(128) });
  assert.equal(confirmHolds(other, other.macI, 2000, seal(1, confirm)), false);
});

Deno.test("classicTunnelKeys begin behind the ids of CONFIRM", () => {
  assert.equal(classicTunnelKeys(KNOWN).firstSequence, 65);
});
