/**
 * A router's daemon that maps ports for those who ask: miniupnpd, by PCP, NAT-PMP and UPnP-IGD.
 *
 * @module
 */
import type { Lab, LabHost } from "./lab.ts";

const STARTS_MS = 5_000;

/** Starts it on a router with the chains of the kind PM; it runs as long as the laboratory. @throws {Error} where there is none */
export async function startPortMapper(lab: Lab, router: LabHost, publicAddress: string): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "buri-lab-" });
  lab.own({ [Symbol.asyncDispose]: async () => await Deno.remove(folder, { recursive: true }) });
  const config = `${folder}/miniupnpd.conf`;
  Deno.writeTextFileSync(config, configuration(publicAddress));
  const daemon = lab.spawn(router, ["sh", "-c", `exec miniupnpd -d -f ${config} -P ${folder}/pid 2>&1`]);
  await daemon.waitForLine(/version 2.* starting/, STARTS_MS);
}

function configuration(publicAddress: string): string {
  return [
    `ext_ip=${publicAddress}`,
    "ext_ifname=wan",
    "listening_ip=lan",
    "upnp_table_name=mapped",
    "upnp_nat_table_name=mapped",
    "enable_natpmp=yes",
    "enable_upnp=yes",
    "secure_mode=yes",
    "system_uptime=no",
    "min_lifetime=120",
    "max_lifetime=3600",
    "uuid=6123d6bc-58de-4d22-ba63-30c353b50ddd",
    "allow 1024-65535 192.168.1.0/24 1024-65535",
    "deny 0-65535 0.0.0.0/0 0-65535",
    "",
  ].join("\n");
}
