import type { Codec } from "../../src/protocol/mod.ts";

/** One message with its bytes, written by hand from PROTOCOL.md. */
export interface Sample {
  name: string;
  codec: Codec<unknown>;
  value: unknown;
  hex: string;
  /** Lax ones ignore what follows their last field. */
  isStrict: boolean;
  /** Ends with a field that takes whatever is left, so that fewer bytes may still be a message. */
  hasRest?: boolean;
}

/** `length` bytes of one value. */
export const fill = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
/** Those bytes in hexadecimal. */
export const hx = (length: number, byte: number): string => byte.toString(16).padStart(2, "0").repeat(length);

export const ENDPOINT = { address: Uint8Array.fromHex("00000000000000000000ffffc0000201"), port: 40000 };
export const ENDPOINT_HEX = "00000000000000000000ffffc0000201" + "9c40";
export const ENDPOINT6 = { address: Uint8Array.fromHex("20010db8000000000000000000000001"), port: 5 };
export const ENDPOINT6_HEX = "20010db8000000000000000000000001" + "0005";
export const OFFERS = [{ aead: 1, costNs: 500 }, { aead: 2, costNs: 1500 }];
export const OFFERS_HEX = "02" + "01000001f4" + "02000005dc";
export const CANDIDATES = [{ kind: 1, endpoint: ENDPOINT }, { kind: 2, endpoint: ENDPOINT6 }];
export const CANDIDATES_HEX = "01" + ENDPOINT_HEX + "02" + ENDPOINT6_HEX;
/** A message that ends with its last field. */
export function strictOne<T>(name: string, codec: Codec<T>, value: T, hex: string): Sample {
  return { name, codec, value, hex, isStrict: true };
}

/** A message that may be longer. */
export function laxOne<T>(name: string, codec: Codec<T>, value: T, hex: string): Sample {
  return { name, codec, value, hex, isStrict: false };
}
