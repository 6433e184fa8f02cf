import { equalBytes } from "../base/bytes.ts";
import { UserError } from "../base/errors.ts";
import { formatIpv4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Overlay } from "../dataplane/types.ts";
import type { NetworkConfiguration } from "../device/addresses.ts";
import { openMemoryDevice, openTunnelDevice, type TunnelDevice } from "../device/mod.ts";
import { describeClash, findRouteClashes } from "../device/routes.ts";
import { DEVICE_MTU } from "./path_mtu.ts";
import type { IpMode } from "../ipc/schema.ts";
import { formatVirtual6 } from "./views.ts";

/** What `--device` takes for an engine without a device. */
export const NO_DEVICE = "none";

const RIGHTS_HINT = "Run it as root, give it CAP_NET_ADMIN (setcap) and access to /dev/net/tun, or use --device none.";

/** The tunnel device with its addresses. */
export interface OverlayDevice {
  /** Where packets come from and go to. */
  readonly device: TunnelDevice;
  /** Gives it the addresses of an overlay, in place of earlier ones. @throws {UserError} when the system refuses */
  configure(overlay: Overlay, mode: IpMode): void;
}

/**
 * Opens the device `name`; {@linkcode NO_DEVICE} opens one that the system does not see, for an engine that only keeps tunnels.
 *
 * @throws {UserError} exit 4 where this user may not
 */
export function openOverlayDevice(
  name: string | undefined,
  network: NetworkConfiguration,
  log: Logger,
): OverlayDevice {
  if (name === NO_DEVICE) return { device: openMemoryDevice(), configure: () => {} };
  const device = openPermitted(name);
  let current: { overlay: Overlay; mode: IpMode } | null = null;
  const configure = (overlay: Overlay, mode: IpMode) => {
    // Every login says it again; connections through the device must not notice.
    if (current !== null && current.mode === mode && isSameOverlay(current.overlay, overlay)) return;
    // What an earlier overlay set up must go first: two addresses of one pool would both be answered.
    if (current !== null) undoChanges(network, log);
    current = { overlay, mode };
    configureDevice(device.name, current, network, log);
  };
  return { device, configure };
}

/** Whether two overlays give a client the same place. */
export function isSameOverlay(a: Overlay, b: Overlay): boolean {
  return a.virtualAddress === b.virtualAddress && a.pool.base === b.pool.base && a.pool.bits === b.pool.bits &&
    equalBytes(a.prefix6, b.prefix6);
}

/** What may be done about a missing right depends on the program, not on the device. */
function openPermitted(name: string | undefined): TunnelDevice {
  try {
    return openTunnelDevice(name);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== 4) throw error;
    throw new UserError(error.message, { exitCode: 4, hint: RIGHTS_HINT, cause: error });
  }
}

function configureDevice(
  name: string,
  { overlay, mode }: { overlay: Overlay; mode: IpMode },
  network: NetworkConfiguration,
  log: Logger,
): void {
  const { virtualAddress, pool, prefix6 } = overlay;
  for (const clash of mode === "ipv6" ? [] : findRouteClashes(pool, network.routes(), name)) {
    log.warn("the virtual network and this machine share addresses", { clash: describeClash(pool, clash) });
  }
  try {
    const missing = network.configureDevice({
      name,
      address4: mode === "ipv6" ? null : `${formatIpv4(virtualAddress)}/${pool.bits}`,
      address6: mode === "ipv4" ? null : `${formatVirtual6(prefix6, virtualAddress)}/96`,
      mtu: DEVICE_MTU,
    });
    for (const what of missing) log.warn("the device lacks something", { what });
  } catch (error) {
    throw explain(error, name);
  }
}

function explain(error: unknown, name: string): UserError {
  const message = `Cannot set up the device ${name}: ${error instanceof Error ? error.message : error}`;
  const isForbidden = error instanceof Error && "code" in error && (error.code === "EPERM" || error.code === "EACCES");
  if (!isForbidden) return new UserError(message, { hint: "See what the log says above.", cause: error });
  return new UserError(message, { exitCode: 4, hint: RIGHTS_HINT, cause: error });
}

/** Takes back what this engine or a killed one before it changed in the system's network configuration. */
export function undoChanges(network: NetworkConfiguration, log: Logger): void {
  const { undone, failed, damagedLineCount } = network.undo();
  if (undone.length > 0) log.info("took back changes to the system's network", { count: undone.length });
  for (const { change, reason } of failed) log.warn("a change could not be taken back", { kind: change.kind, reason });
  if (damagedLineCount > 0) log.warn("the journal of changes has damaged lines", { count: damagedLineCount });
}
