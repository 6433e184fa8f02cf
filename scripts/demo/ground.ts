import { SystemError } from "../../src/ffi/errno.ts";
import { tunObstacle } from "../../src/ffi/identity_linux.ts";
import { NetworkNamespace } from "../../src/ffi/network_namespace_linux.ts";
import { Nftables } from "../../src/ffi/nftables_linux.ts";
import { NAT_KINDS } from "../../src/lab/nat_kinds.ts";

/** What this machine lets the demo do. */
export interface Ground {
  /** Namespaces and NATs can be made. */
  hasNetworks: boolean;
  /** TUN devices can be made. */
  hasTun: boolean;
  /** What has to be left out and why, as clauses; empty when all can be shown. */
  leftOut: string[];
}

/** Says in the environment that we are inside the namespaces made for an ordinary user. */
const INSIDE = "BURI_DEMO_INSIDE";
const UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"] as const;

/** Finds out by trying. */
export function examineGround(): Ground {
  if (Deno.build.os !== "linux") {
    return nothing(`NATs and TUN devices, because their laboratory is made of Linux namespaces`);
  }
  const obstacle = networkObstacle();
  if (obstacle !== null) return nothing(`NATs and TUN devices, because ${obstacle}`);
  const tun = tunObstacle();
  if (tun === null) return { hasNetworks: true, hasTun: true, leftOut: [] };
  return { hasNetworks: true, hasTun: false, leftOut: [`TUN devices and what runs over them, because ${tun}`] };
}

/**
 * Whether an ordinary user can get namespaces by starting the demo again inside some of its own. A process with several
 * threads may not do that to itself (unshare(2)), hence the program of util-linux.
 */
export function canEnterUserNamespace(): boolean {
  if (Deno.build.os !== "linux" || Deno.env.has(INSIDE) || networkObstacle() === null) return false;
  try {
    const [program, ...args] = UNSHARE;
    return new Deno.Command(program, { args: [...args, "true"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** Runs `command` in a user, network and mount namespace of its own, and gives its exit code. */
export async function runInUserNamespace(command: string[]): Promise<number> {
  const [program, ...args] = UNSHARE;
  const child = new Deno.Command(program, { args: [...args, ...command], env: { [INSIDE]: "1" } }).spawn();
  // A terminal sends Ctrl-C to the child as well; the second one changes nothing. We wait until it has cleaned up.
  const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const passOn = () => child.kill(signal);
    Deno.addSignalListener(signal, passOn);
    return () => Deno.removeSignalListener(signal, passOn);
  });
  const { code } = await child.status;
  for (const remove of listeners) remove();
  return code;
}

function nothing(reason: string): Ground {
  return { hasNetworks: false, hasTun: false, leftOut: [reason] };
}

/** Why NATs cannot be built, as a clause; null = they can. */
function networkObstacle(): string | null {
  try {
    using namespace = NetworkNamespace.create();
    using filter = namespace.run(() => new Nftables());
    const rules = NAT_KINDS.PR.routers[0]!("192.0.2.1");
    if (typeof rules !== "string") filter.replaceTable(rules);
    return null;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // ENOSPC: the limits of /proc/sys/user are reached, which is how user namespaces are switched off.
    if (error.code !== "EPERM" && error.code !== "ENOSPC") return `this kernel has no NAT: ${error.message}`;
    return "this user may make no network namespaces, not even in a user namespace of its own";
  }
}
