import { SystemError } from "../ffi/errno.ts";
import { RouteNetlink } from "../ffi/rtnetlink_linux.ts";
import type { Link, LinkAddress, LinkChange } from "../ffi/rtnetlink_messages_linux.ts";
import { watchNetwork } from "../ffi/rtnetlink_watch_linux.ts";
import type { ChangeWatch, DeviceSettings, LocalAddress, NetworkConfiguration, UndoReport } from "./addresses.ts";
import { type Change, type DeviceRef, planUndo } from "./journal.ts";
import { currentScope, JournalFile } from "./journal_file.ts";
import type { KnownRoute } from "./routes.ts";

const DEFAULT_TX_QUEUE_LENGTH = 1500;
const DEFAULT_GSO_MAX_SIZE = 61_000;
const RT_TABLE_LOCAL = 255;
const RTN_UNICAST = 1;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;
/** What the kernel says about a thing that is not there, or is there already: both are what an undo wants. */
const GONE = new Set(["ENODEV", "ENXIO", "ESRCH", "EADDRNOTAVAIL", "ENOENT"]);

/** The Linux implementation over rtnetlink, in the network namespace of the calling thread. */
export function openLinuxConfiguration(journalPath: string): NetworkConfiguration {
  const journal = new JournalFile(journalPath, currentScope());
  return new LinuxConfiguration(journal, new RouteNetlink());
}

class LinuxConfiguration implements NetworkConfiguration {
  readonly #journal: JournalFile;
  readonly #netlink: RouteNetlink;

  constructor(journal: JournalFile, netlink: RouteNetlink) {
    this.#journal = journal;
    this.#netlink = netlink;
  }

  configureDevice(settings: DeviceSettings): string[] {
    const link = this.#link(settings.name);
    const warnings: string[] = [];
    this.#change(link, { mtu: settings.mtu });
    this.#change(link, { txQueueLength: settings.txQueueLength ?? DEFAULT_TX_QUEUE_LENGTH });
    // Kernels before 5.19 cannot set this one; they merely batch less.
    attempt(warnings, () => this.#change(link, { gsoMaxSize: settings.gsoMaxSize ?? DEFAULT_GSO_MAX_SIZE }));
    const { address4, address6 } = settings;
    if (address4 !== null) this.#addAddress(link, address4);
    this.#change(link, { isUp: true });
    if (address6 !== null) attempt(warnings, () => this.#addAddress(link, address6));
    return warnings;
  }

  addRoute({ device, ...rest }: KnownRoute & { gateway?: string; metric?: number }): void {
    const { index } = this.#link(device);
    const change: Change = { kind: "route", device: { name: device, index }, ...rest };
    this.#journal.make(change, () => this.#netlink.addRoute({ linkIndex: index, ...rest }));
  }

  link(device: string): { mtu: number; isUp: boolean } | null {
    return this.#netlink.findLink(device);
  }

  addresses(): LocalAddress[] {
    const links = new Map(this.#netlink.links().map((link) => [link.index, link]));
    return this.#netlink.addresses().flatMap((address) => {
      const link = links.get(address.linkIndex);
      return link === undefined ? [] : [localAddress(link, address)];
    });
  }

  routes(): KnownRoute[] {
    const names = new Map(this.#netlink.links().map((link) => [link.index, link.name]));
    return this.#netlink.routes().flatMap(({ destination, linkIndex, table, type }) => {
      const device = linkIndex === null ? undefined : names.get(linkIndex);
      const isOurs = type === RTN_UNICAST && table !== RT_TABLE_LOCAL && device !== undefined;
      return isOurs ? [{ destination, device }] : [];
    });
  }

  watch(onChange: () => void): ChangeWatch {
    return watchNetwork(onChange);
  }

  undo(): UndoReport {
    const report: UndoReport = {
      undone: [],
      obsolete: [],
      failed: [],
      damagedLineCount: this.#journal.damagedLineCount,
    };
    const indexes = new Map(this.#netlink.links().map((link) => [link.name, link.index]));
    const plan = planUndo(this.#journal.pending, currentScope(), (name) => indexes.get(name) ?? null);
    for (const { pending: { id, change }, verdict } of plan) {
      try {
        if (verdict === "undo") undoChange(this.#netlink, change);
        (verdict === "undo" ? report.undone : report.obsolete).push(change);
        this.#journal.settle(id);
      } catch (error) {
        if (!isGone(error)) {
          report.failed.push({ change, reason: error instanceof Error ? error.message : String(error) });
          continue;
        }
        report.obsolete.push(change);
        this.#journal.settle(id);
      }
    }
    return report;
  }

  close(): void {
    this.#journal[Symbol.dispose]();
    this.#netlink[Symbol.dispose]();
  }

  #link(name: string): Link {
    const link = this.#netlink.findLink(name);
    if (link === null) throw new SystemError(`find the device ${name}`, 19);
    return link;
  }

  /** Changes one setting of a link, unless it has that value already. */
  #change(link: Link, wished: Pick<LinkChange, "isUp" | "mtu" | "txQueueLength" | "gsoMaxSize">): void {
    const keys = Object.keys(wished) as (keyof typeof wished)[];
    if (keys.every((key) => link[key] === wished[key])) return;
    const before = Object.fromEntries(keys.map((key) => [key, link[key]]));
    this.#journal.make({ kind: "link", device: refOf(link), before }, () => {
      this.#netlink.changeLink(link.index, wished);
    });
  }

  #addAddress(link: Link, prefix: string): void {
    this.#journal.make({ kind: "address", device: refOf(link), prefix }, () => {
      this.#netlink.addAddress(link.index, prefix);
    });
  }
}

function undoChange(netlink: RouteNetlink, change: Change): void {
  const { device: { index } } = change;
  switch (change.kind) {
    case "device":
      return netlink.removeLink(index);
    case "link":
      return netlink.changeLink(index, change.before);
    case "address":
      return netlink.removeAddress(index, change.prefix);
    case "route": {
      const { destination, gateway, metric } = change;
      const route = { destination, linkIndex: index };
      return netlink.removeRoute(
        Object.assign(route, gateway === undefined ? {} : { gateway }, metric === undefined ? {} : { metric }),
      );
    }
  }
}

function attempt(warnings: string[], action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    warnings.push(error.message);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof SystemError && GONE.has(error.code);
}

function refOf(link: Link): DeviceRef {
  return { name: link.name, index: link.index };
}

function localAddress(link: Link, address: LinkAddress): LocalAddress {
  const isHost = link.isLoopback || address.scope === SCOPE_HOST;
  return {
    device: link.name,
    deviceIndex: link.index,
    deviceKind: link.kind,
    address: address.address,
    prefixLength: address.prefixLength,
    scope: isHost ? "host" : address.scope === SCOPE_LINK ? "link" : "global",
    isUsable: link.isUp && link.isRunning && address.isUsable,
    isTemporary: address.isTemporary,
  };
}
