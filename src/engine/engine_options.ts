import type { Logger } from "../base/log.ts";
import type { HttpProxy } from "../transport/http_proxy.ts";

/** How an engine is started. */
export interface EngineOptions {
  /** Folder of its state; made where there is none. */
  stateDir: string;
  /** Invite of the server; absent = the one used last. */
  server?: string;
  /** Whether to accept that a known server has another key now, or speaks a lower suite. Default: false. */
  acceptNew?: boolean;
  /** Nickname to set; absent = as it is. */
  nick?: string;
  /** Name of the tunnel device, `none` = without one; absent = the first free one. */
  device?: string;
  /** UDP port of the tunnels; absent or 0 = any. */
  udpPort?: number;
  /** Whether routers may be asked to map that port. Default: true. */
  mapsPort?: boolean;
  /** HTTP proxy to the server, null = none; absent = the one of the environment. */
  proxy?: HttpProxy | null;
  /** Suite to speak. */
  suite: 1 | 2;
  /** Where it reports. */
  log: Logger;
  /** Aborts when it should give up starting. */
  signal?: AbortSignal;
}
