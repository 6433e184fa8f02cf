import type { ClassicKeys, TunnelKeys } from "./types.ts";

/** What a refused datagram is counted as; {@linkcode Protection.open} returns one of these instead of a length. */
export const REFUSED = { malformed: -1, noKeys: -2, replayed: -3, forged: -4 } as const;

/** What is known of the datagram that was opened last; one record is used over and over. */
export class OpenedInfo {
  /** 0 in suite 1. */
  epoch = 0;
  /** Its sequence, or id in suite 1. */
  sequence = 0;
  /** Whether no authentic datagram came before that was sealed later. */
  isNewest = false;
}

/** What a tunnel's keys have to say. */
export interface ProtectionListener {
  /** The first authentic datagram came under keys installed for opening. */
  keysConfirmed(epoch: number): void;
  /** The keys come to their limits, or there are none. Said each time that something is to be sealed. */
  rekeyWanted(now: number): void;
}

/** Length of the frame type, the first byte of every plaintext. */
export const FRAME_TYPE_LENGTH = 1;

/** How long former keys go on opening after others took over. */
export const PREVIOUS_KEYS_MS = 10_000;

/**
 * The keys of one tunnel and what they do to datagrams, in place:
 *
 *     at: header (headerLength) | plaintext, or ciphertext | trailer
 *
 * Nothing throws: what cannot be sealed or opened is refused.
 */
export interface Protection {
  /** Length of what stands before the plaintext. */
  readonly headerLength: number;
  /** Length of the whole datagram around a plaintext; equal plaintexts give equal datagrams. */
  datagramLength(plaintextLength: number): number;
  /** Length of the longest plaintext whose datagram is no longer than this. */
  plaintextLength(datagramLength: number): number;
  /** Whether a datagram could be sealed now. Call it before each packet or super-packet: it also watches the limits. */
  isReady(now: number): boolean;
  /** Seals the plaintext behind the header at `at`; false when the keys are used up. */
  seal(at: number, plaintextLength: number): boolean;
  /** Opens the datagram of `length` bytes at `at`: the length of the plaintext, or one of {@linkcode REFUSED}. */
  open(at: number, length: number, now: number, into: OpenedInfo): number;
  /** See `DataPlane.installKeys`. Keys of the other suite are ignored. */
  install(keys: TunnelKeys | ClassicKeys, use: "open" | "both", now: number): void;
  /** See `DataPlane.useKeys`. */
  use(epoch: number, now: number): void;
  /** Clears keys that are past their time; whether any are left that will have to be. */
  expire(now: number): boolean;
  /** Clears all keys. */
  close(): void;
}
