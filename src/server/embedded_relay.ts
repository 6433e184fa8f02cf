import type { Logger } from "../base/log.ts";
import type { Revocation } from "../relay/mod.ts";
import type { ServerIdentity } from "./server_identity.ts";
export interface EmbeddedRelay {
  port: number;
  revoke(revocation: Revocation): void;
  stop(): Promise<void>;
}
export async function startEmbeddedRelay(
  options: { host: string; port: number; identity: ServerIdentity; log: Logger },
): Promise<EmbeddedRelay> {
  const s = Deno.listenDatagram({ transport: "udp", hostname: options.host, port: options.port });
  return { port: (s.addr as Deno.NetAddr).port, revoke: () => {}, stop: async () => s.close() };
}
