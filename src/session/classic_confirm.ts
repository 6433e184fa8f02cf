/**
 * CONFIRM of suite 1 (docs/PROTOCOL.md, section 8.2): KE1 to KE3 name no identity, so both ends prove under the new keys who they
 * think they are talking to. Without it a server and a member together could pass off one tunnel as another.
 *
 *     protected message   spi u32 | id u32 | ciphertext | iv 16 | mac 12       id 1 to 64: the k-th repetition has id k
 *     plaintext           0x0A | HMAC-SHA1(Kc, "buri1 confirm" | role | …)
 *
 * @module
 */

import type { Random } from "../base/random.ts";
import {
  CLASSIC_IV_LENGTH,
  type ClassicKeymat,
  deriveKeymat,
  dhShared,
  equalSecret,
  hmac,
  openClassic,
  sealClassic,
  sha256,
  zeroize,
} from "../crypto/mod.ts";
import {
  CLASSIC_FIRST_PACKET_ID,
  CLASSIC_LENGTH,
  classicConfirmInput,
  classicConfirmTranscript,
  type ClassicExchangeValues,
  decodeClassicDataHeader,
  decodeInnerFrame,
  encodeClassicDataHeader,
  encodeInnerFrame,
  INNER_FRAME,
  MAX_CONFIRM_ID,
} from "../protocol/mod.ts";
import { endsOf, type Tunnel } from "./exchange_machine.ts";
import type { ClassicTunnelKeys } from "./exchange_types.ts";

/** Length in bytes of `0x0A | mac`. */
const CONFIRM_FRAME_LENGTH = 1 + CLASSIC_LENGTH.confirmMac;

/** Keys of an exchange and the two MACs that confirm them. */
export interface ClassicConfirmation {
  /** Ke, Ka and Kc. */
  keymat: ClassicKeymat;
  /** The initiator's, 20 bytes. */
  macI: Uint8Array;
  /** The responder's, 20 bytes. */
  macR: Uint8Array;
}

/** What both ends derive from. */
export interface ClassicSecrets {
  /** Own exponent. */
  privateKey: Uint8Array;
  /** The peer's Gi or Gr. */
  peerValue: Uint8Array;
  /** Our own Gi or Gr. */
  ownValue: Uint8Array;
}

/** KE1 to KE3 as datagrams; of KE3 what stands before its last 68 bytes counts. */
export interface ClassicDatagrams {
  /** The whole datagram; its cookie does not count. */
  ke1: Uint8Array;
  /** The whole datagram. */
  ke2: Uint8Array;
  /** The whole datagram, with CONFIRM or an empty place for it. */
  ke3: Uint8Array;
}

/** Derives the keys and both MACs; null when the peer's value is refused. */
export function deriveConfirmation(
  tunnel: Tunnel,
  secrets: ClassicSecrets,
  { nonceI, nonceR }: Pick<ClassicExchangeValues, "nonceI" | "nonceR">,
  { ke1, ke2, ke3 }: ClassicDatagrams,
): ClassicConfirmation | null {
  const shared = dhShared(secrets.privateKey, secrets.peerValue, secrets.ownValue);
  if (shared === null) return null;
  const keymat = deriveKeymat(shared, nonceI, nonceR);
  zeroize(shared);
  const { initiator, responder } = endsOf(tunnel);
  const values = {
    addressI: initiator.address,
    addressR: responder.address,
    fingerprintI: initiator.fingerprint,
    fingerprintR: responder.fingerprint,
    spiI: initiator.spi,
    spiR: responder.spi,
    exchangeHash: sha256(classicConfirmTranscript(ke1, ke2, ke3)),
  };
  const macOf = (role: "i" | "r") => hmac("sha1", keymat.confirmKey, classicConfirmInput({ ...values, role }));
  return { keymat, macI: macOf("i"), macR: macOf("r") };
}

/** Seals a CONFIRM to the peer, or null when its ids are used up. */
export function sealConfirm(
  { keymat }: ClassicConfirmation,
  mac: Uint8Array,
  remoteSpi: number,
  id: number,
  random: Random,
): Uint8Array | null {
  if (id > MAX_CONFIRM_ID) return null;
  const header = encodeClassicDataHeader({ spi: remoteSpi, id });
  return sealClassic(header, encodeInnerFrame(INNER_FRAME.confirm, mac), keymat, random.bytes(CLASSIC_IV_LENGTH));
}

/** Whether a protected message is a CONFIRM to us with this MAC. */
export function confirmHolds(
  { keymat }: ClassicConfirmation,
  mac: Uint8Array,
  localSpi: number,
  message: Uint8Array,
): boolean {
  const { spi, id } = decodeClassicDataHeader(message);
  if (spi !== localSpi || id < 1 || id > MAX_CONFIRM_ID) return false;
  const plaintext = openClassic(message, keymat);
  if (plaintext === null || plaintext.length !== CONFIRM_FRAME_LENGTH) return false;
  const { type, body } = decodeInnerFrame(plaintext);
  return type === INNER_FRAME.confirm && equalSecret(body, mac);
}

/** The keys as the data plane takes them: its ids begin behind those of CONFIRM, so that one key never has two sealers. */
export function classicTunnelKeys({ keymat }: ClassicConfirmation): ClassicTunnelKeys {
  return {
    suite: 1,
    cipherKey: keymat.cipherKey.slice(),
    macKey: keymat.macKey.slice(),
    firstSequence: CLASSIC_FIRST_PACKET_ID,
  };
}

/** All secrets of a confirmation. */
export function secretsOfConfirmation({ keymat, macI, macR }: ClassicConfirmation): Uint8Array[] {
  return [keymat.cipherKey, keymat.macKey, keymat.confirmKey, macI, macR];
}
