/**
 * The client engine: keys, the connection to the server, tunnels to the peers, and the device their packets go through.
 *
 * @module
 */

export { type BackupOptions, makeBackup, restoreBackup } from "./backup.ts";
export { type RunningEngine, startEngine } from "./engine.ts";
export type { EngineOptions } from "./engine_options.ts";
