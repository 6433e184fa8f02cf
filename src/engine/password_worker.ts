/**
 * The thread on which a password is turned into secrets. One request, one answer; whoever started it ends it.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { deriveNetworkSecrets } from "../crypto/sealed_network.ts";

/** What the thread is asked. */
export interface DeriveRequest {
  /** UTF-8, not empty. */
  password: Uint8Array;
  /** The server's Ed25519 public key, 32 bytes. */
  serverKey: Uint8Array;
  /** UTF-8 of the network's name key. */
  nameKey: Uint8Array;
}

self.onmessage = ({ data }: MessageEvent<DeriveRequest>) => {
  self.postMessage(deriveNetworkSecrets(data.password, data.serverKey, data.nameKey));
};
