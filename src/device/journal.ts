/**
 * The journal of what Buri changed in the system, so that all of it is undone: on exit in reverse, and at the next start
 * after a kill. This file decides; journal_file.ts keeps the records on disk.
 *
 * One record a line, as JSON. A change is recorded before it is made, so a record may describe a change that never came to
 * be: whoever undoes it must take "not there" for success.
 *
 * @module
 */

/** An interface a change was made to. An index is never given to a second interface while the system runs. */
export interface DeviceRef {
  /** Interface name. */
  name: string;
  /** Interface index. */
  index: number;
}

/** Something that was changed, with all that undoing it needs. */
export type Change =
  | {
    /** A device was made that outlives the process; undone by removing it. */
    kind: "device";
    /** The device. */
    device: DeviceRef;
  }
  | {
    /** Settings of a device that was there before; undone by setting them back. */
    kind: "link";
    /** The device. */
    device: DeviceRef;
    /** What they were; absent = was not changed. */
    before: { isUp?: boolean; mtu?: number; txQueueLength?: number; gsoMaxSize?: number };
  }
  | {
    /** An address was given to a device. */
    kind: "address";
    /** The device. */
    device: DeviceRef;
    /** Such as `10.1.2.3/16`. */
    prefix: string;
  }
  | {
    /** A route was added. */
    kind: "route";
    /** The outgoing interface. */
    device: DeviceRef;
    /** Such as `10.1.0.0/16`. */
    destination: string;
    /** Next hop, absent = on the link. */
    gateway?: string;
    /** Absent = the kernel's default. */
    metric?: number;
  };

/** Where a change holds: changes of an earlier boot or of another network namespace are gone or out of reach. */
export interface Scope {
  /** Differs at each start of the machine. */
  bootId: string;
  /** Inode of the network namespace. */
  namespaceId: number;
}

/** A change that may still be in force. */
export interface PendingChange {
  /** Unique within the journal, growing. */
  id: number;
  /** Where it was made. */
  scope: Scope;
  /** What was made. */
  change: Change;
}

/** A line of the journal. */
export type JournalRecord = PendingChange | {
  /** The change of that id is undone, or was never made. */
  undone: number;
};

/** What a journal says. */
export interface JournalContent {
  /** Changes without an `undone`, oldest first. */
  pending: PendingChange[];
  /** Lines that could not be read, apart from a torn last one, which stands for a change that was not made. */
  damagedLineCount: number;
}

/** What to do with a pending change. */
export type Verdict = "undo" | "obsolete";

/** One line with its end. */
export function encodeRecord(record: JournalRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Reads a whole journal; never throws, since refusing to undo the readable rest would help nobody. */
export function decodeJournal(text: string): JournalContent {
  const lines = text.split("\n");
  lines.pop();
  const pending = new Map<number, PendingChange>();
  let damagedLineCount = 0;
  for (const line of lines) {
    const record = decodeRecord(line);
    if (record === null) damagedLineCount++;
    else if ("undone" in record) pending.delete(record.undone);
    else pending.set(record.id, record);
  }
  return { pending: [...pending.values()].sort((a, b) => a.id - b.id), damagedLineCount };
}

/**
 * What to do with each pending change, newest first. A change is obsolete, and must not be undone, where the thing it was
 * made to is gone: undoing it could hit something that another program made since.
 * `indexOf` is the index the interface of that name has now.
 */
export function planUndo(
  pending: PendingChange[],
  now: Scope,
  indexOf: (name: string) => number | null,
): { pending: PendingChange; verdict: Verdict }[] {
  return pending.toReversed().map((entry) => {
    const { scope, change: { device } } = entry;
    const isSameWorld = scope.bootId === now.bootId && scope.namespaceId === now.namespaceId;
    const isThere = isSameWorld && indexOf(device.name) === device.index;
    return { pending: entry, verdict: isThere ? "undo" : "obsolete" };
  });
}

function decodeRecord(line: string): JournalRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  if (isCount(value.undone)) return { undone: value.undone };
  return isCount(value.id) && isScope(value.scope) && isChange(value.change) ? value as unknown as PendingChange : null;
}

function isScope(value: unknown): boolean {
  return isObject(value) && typeof value.bootId === "string" && isCount(value.namespaceId);
}

function isChange(value: unknown): boolean {
  if (!isObject(value) || !isObject(value.device)) return false;
  if (typeof value.device.name !== "string" || !isCount(value.device.index)) return false;
  switch (value.kind) {
    case "device":
      return true;
    case "link":
      return isObject(value.before) && isOptional(value.before.isUp, "boolean") &&
        ["mtu", "txQueueLength", "gsoMaxSize"].every((key) => isOptionalCount((value.before as Fields)[key]));
    case "address":
      return typeof value.prefix === "string";
    case "route":
      return typeof value.destination === "string" && isOptional(value.gateway, "string") &&
        isOptionalCount(value.metric);
    default:
      return false;
  }
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOptionalCount(value: unknown): boolean {
  return value === undefined || isCount(value);
}

function isOptional(value: unknown, type: "boolean" | "string"): boolean {
  return value === undefined || typeof value === type;
}
