/**
 * Gathers what {@linkcode diagnose} judges.
 *
 * @module
 */
import { formatIpv4 } from "../base/ip.ts";
import type { NetworkConfiguration } from "../device/addresses.ts";
import type { Account } from "./account.ts";
import type { ClosedChain, DeviceFacts, HostFacts } from "./diagnosis.ts";
import { closedInputChains } from "./firewall_rules.ts";
import { DEVICE_MTU } from "./path_mtu.ts";
import type { StateSaver } from "./state_saver.ts";
import type { StoredSettings } from "./state_files.ts";

/** Where the facts come from. */
export interface HostFactsSources {
  /** The client at its server. */
  account: Account;
  /** The system's network. */
  network: Pick<NetworkConfiguration, "addresses" | "routes" | "link">;
  /** Name of the device, null = none. */
  deviceName: string | null;
  /** What the person wants. */
  settings: StoredSettings;
  /** What is not on the disk. */
  saver: Pick<StateSaver, "problem">;
}

/** Nobody waits longer for a list of rules. */
const RULES_TIMEOUT_MS = 2_000;

/** All facts, as they are now. */
export async function gatherFacts(
  { account, network, deviceName, settings, saver }: HostFactsSources,
): Promise<HostFacts> {
  const { pool, virtualAddress } = account.stored;
  return {
    wantsLogin: settings.wantsLogin,
    isLoggedIn: account.link.state === "logged in",
    serverAheadMs: account.link.state === "logged in" ? account.serverAheadMs : null,
    isUdpBlocked: account.network.isUdpSilent,
    pool: settings.ipMode === "ipv6" ? null : pool,
    device: deviceName === null ? null : deviceFacts(network, deviceName, settings, virtualAddress),
    deviceMtu: DEVICE_MTU,
    routes: network.routes(),
    closedChains: await readClosedChains(),
    unsaved: saver.problem,
  };
}

function deviceFacts(
  network: HostFactsSources["network"],
  name: string,
  { ipMode }: StoredSettings,
  virtualAddress: number | null,
): DeviceFacts {
  const link = network.link(name);
  const wanted = ipMode === "ipv6" || virtualAddress === null ? null : formatIpv4(virtualAddress);
  const own = network.addresses().filter(({ device }) => device === name);
  return {
    name,
    mtu: link?.mtu ?? null,
    isUp: link?.isUp ?? false,
    hasAddress: wanted === null || own.some(({ address }) => address === wanted),
  };
}

/** Null where the system has no `nft`, or does not let this user look. */
async function readClosedChains(): Promise<ClosedChain[] | null> {
  if (Deno.build.os !== "linux") return null;
  try {
    const signal = AbortSignal.timeout(RULES_TIMEOUT_MS);
    const command = new Deno.Command("nft", { args: ["-j", "list", "ruleset"], signal, stdin: "null", stderr: "null" });
    const { success, stdout } = await command.output();
    return success ? closedInputChains(new TextDecoder().decode(stdout)) : null;
  } catch {
    return null;
  }
}
