/**
 * Turns a network's password into its secrets without holding up the engine: the derivation takes 0.3 s of one core, so it
 * runs on a thread of its own (docs/PROTOCOL.md, section 7).
 *
 * @module
 */
import { utf8 } from "../base/bytes.ts";
import { ControlError } from "../ipc/schema.ts";
import type { NetworkSecrets } from "../crypto/mod.ts";
import { nameKey } from "../protocol/mod.ts";
import type { DeriveRequest } from "./password_worker.ts";

/**
 * Secrets of the network `name` at the server with the given Ed25519 key; null where there is no password.
 *
 * @throws {ControlError} `internal` when the thread could not be started
 */
export function deriveSecrets(password: string, serverKey: Uint8Array, name: string): Promise<NetworkSecrets | null> {
  if (password === "") return Promise.resolve(null);
  const request: DeriveRequest = {
    password: utf8(password.normalize("NFC")),
    serverKey,
    nameKey: utf8(nameKey(name)),
  };
  return runAside(request);
}

function runAside(request: DeriveRequest): Promise<NetworkSecrets> {
  const worker = new Worker(new URL("./password_worker.ts", import.meta.url), { type: "module" });
  return new Promise<NetworkSecrets>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<NetworkSecrets>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new ControlError("internal", `deriving the network's secrets failed: ${event.message}`));
    };
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}
