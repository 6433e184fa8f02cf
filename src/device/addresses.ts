import { UserError } from "../base/errors.ts";
import { openLinuxConfiguration } from "./addresses_linux.ts";
import type { Change } from "./journal.ts";
import type { KnownRoute } from "./routes.ts";

/** How a tunnel device is to be set up. */
export interface DeviceSettings {
  /** Name of an existing device. */
  name: string;
  /** Virtual IPv4 address with the length of the pool, such as `10.77.1.2/16`; null = none. */
  address4: string | null;
  /** Virtual IPv6 address, such as `fd77::a4d:102/96`; null = none. */
  address6: string | null;
  /** Bytes. */
  mtu: number;
  /** Packets the system may queue for us; default 1500, because 500 are gone in a burst. */
  txQueueLength?: number;
  /** Largest super-packet in bytes; default 61,000, so that its segments fit one UDP send. */
  gsoMaxSize?: number;
}

/** An address of this machine. */
export interface LocalAddress {
  /** Name of the interface. */
  device: string;
  /** Its number, which no other interface gets while the machine runs. */
  deviceIndex: number;
  /** `tun`, `veth`, `bridge` …; `""` for hardware. */
  deviceKind: string;
  /** `192.168.1.5` or RFC 5952. */
  address: string;
  /** Bits of its subnet. */
  prefixLength: number;
  /** How far it is valid. */
  scope: "global" | "link" | "host";
  /** Its interface is on and has a carrier, and the address may be used as a source. */
  isUsable: boolean;
  /** A privacy address that will be gone soon. */
  isTemporary: boolean;
}

/** What {@linkcode NetworkConfiguration.undo} did. */
export interface UndoReport {
  /** Changes taken back now. */
  undone: Change[];
  /** Changes that were gone already. */
  obsolete: Change[];
  /** Changes still in force, to be tried again at the next start. */
  failed: { change: Change; reason: string }[];
  /** Lines of the journal that could not be read. */
  damagedLineCount: number;
}

/** A running watch. */
export interface ChangeWatch {
  /** Ends the watch; nothing is called after that. */
  close(): Promise<void>;
}

/**
 * The system's network configuration. Every change goes into the journal before it is made; `undo` takes back all that is
 * in the journal, so it is called once at the start (for what a killed run left) and once at the end.
 */
export interface NetworkConfiguration {
  /**
   * Sets MTU, queue, addresses and switches the device on.
   * @returns what could not be had but is not needed, as clauses for the log: no IPv6 on this machine …
   * @throws {Error} when the IPv4 address or the MTU cannot be set
   */
  configureDevice(settings: DeviceSettings): string[];
  /** Adds a route. @throws {Error} when the device is unknown or the route exists */
  addRoute(route: KnownRoute & { gateway?: string; metric?: number }): void;
  /** How a device is set up now; null = there is none of that name. */
  link(device: string): { mtu: number; isUp: boolean } | null;
  /** All addresses, for candidates. */
  addresses(): LocalAddress[];
  /** All unicast routes outside of the local table, for clashes. */
  routes(): KnownRoute[];
  /** Calls `onChange` after interfaces, addresses or routes changed. */
  watch(onChange: () => void): ChangeWatch;
  /** Takes back what is in the journal, newest first; what fails is reported, not thrown. */
  undo(): UndoReport;
  /** Closes files and sockets; undoes nothing. */
  close(): void;
}

/**
 * Opens the configuration of this system with the journal at `journalPath`, in a folder only we may write to.
 * @throws {UserError} where this system is not supported
 */
export function openNetworkConfiguration(journalPath: string): NetworkConfiguration {
  if (Deno.build.os === "linux") return openLinuxConfiguration(journalPath);
  throw new UserError(`Cannot configure the network: ${Deno.build.os} is not supported yet`, {
    hint: "Start with --device none to use Buri without a device",
  });
}
