/**
 * Messages that end with a 16-byte mac over everything before it (PROTOCOL.md sections 11 and 12.2). The MAC itself comes
 * from outside: this layer holds no keys.
 *
 * @module
 */

import { SHORT_MAC_LENGTH } from "./constants.ts";
import type { Codec } from "./fields.ts";

/** What a mac covers: all but the last 16 bytes. A view of `message`. */
export function macInput(message: Uint8Array): Uint8Array {
  return message.subarray(0, Math.max(0, message.length - SHORT_MAC_LENGTH));
}

/**
 * Encodes a message and fills in its mac.
 *
 * @param mac gets everything before the mac, returns at least 16 bytes of which the first 16 are used
 */
export function encodeWithMac<T extends { mac: Uint8Array }>(
  codec: Codec<T>,
  value: Omit<T, "mac">,
  mac: (input: Uint8Array) => Uint8Array,
): Uint8Array<ArrayBuffer> {
  const blank = { ...value, mac: new Uint8Array(SHORT_MAC_LENGTH) } as unknown as T;
  const message = codec.encode(blank);
  message.set(mac(macInput(message)).subarray(0, SHORT_MAC_LENGTH), message.length - SHORT_MAC_LENGTH);
  return message;
}
