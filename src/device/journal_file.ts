import { utf8 } from "../base/bytes.ts";
import { currentNetworkNamespaceId } from "../ffi/network_namespace_linux.ts";
import { readKernelFile } from "../ffi/posix_linux.ts";
import { type Change, decodeJournal, encodeRecord, type PendingChange, type Scope } from "./journal.ts";

/** Far above what a run of years writes: the file is removed whenever nothing is pending. */
const MAX_JOURNAL_LENGTH = 4 << 20;

/**
 * The journal on disk. Calls are synchronous on purpose: nothing may happen between a record and its change. One process
 * at a time owns a journal; the lock of the state folder sees to that.
 */
export class JournalFile implements Disposable {
  readonly #path: string;
  readonly #scope: Scope;
  readonly #pending = new Map<number, PendingChange>();
  #file: Deno.FsFile | null = null;
  #nextId = 1;
  /** Lines of an earlier run that could not be read. */
  readonly damagedLineCount: number;

  /** Reads what an earlier run left. @throws {Error} when the file cannot be read or is absurdly large */
  constructor(path: string, scope: Scope) {
    this.#path = path;
    this.#scope = scope;
    const { pending, damagedLineCount } = decodeJournal(readIfThere(path));
    for (const entry of pending) {
      this.#pending.set(entry.id, entry);
      this.#nextId = Math.max(this.#nextId, entry.id + 1);
    }
    this.damagedLineCount = damagedLineCount;
  }

  /** Changes that may still be in force, oldest first. */
  get pending(): PendingChange[] {
    return [...this.#pending.values()];
  }

  /**
   * Records `change` on disk, then makes it with `apply`. When `apply` throws, the change counts as not made and the error
   * goes on to the caller. @throws {Error} when the record cannot be written: then nothing was changed
   */
  make(change: Change, apply: () => void): void {
    const entry = { id: this.#nextId++, scope: this.#scope, change };
    this.#append(encodeRecord(entry));
    this.#pending.set(entry.id, entry);
    try {
      apply();
    } catch (error) {
      this.settle(entry.id);
      throw error;
    }
  }

  /** Records that a change is no longer in force; with the last one the file goes. */
  settle(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size > 0) {
      this.#append(encodeRecord({ undone: id }));
      return;
    }
    this[Symbol.dispose]();
    removeIfThere(this.#path);
  }

  /** Closes the file; what is pending stays on disk for the next start. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = null;
  }

  #append(line: string): void {
    this.#file ??= this.#open();
    const bytes = utf8(line);
    try {
      for (let written = 0; written < bytes.length;) written += this.#file.writeSync(bytes.subarray(written));
      this.#file.syncDataSync();
    } catch (error) {
      // Half a line may be there now; opening again ends it.
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A journal must survive a power cut together with its name, hence the fsync of the folder. */
  #open(): Deno.FsFile {
    const file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
    // A torn last line must not swallow our next record.
    if (!endsLine(this.#path)) file.writeSync(utf8("\n"));
    using folder = Deno.openSync(this.#path.replace(/[^/]*$/, "") || ".");
    folder.syncSync();
    return file;
  }
}

/** Identity of the running system for {@linkcode JournalFile}; Linux. */
export function currentScope(): Scope {
  const bootId = readKernelFile("/proc/sys/kernel/random/boot_id").trim();
  return { bootId, namespaceId: currentNetworkNamespaceId() };
}

function readIfThere(path: string): string {
  try {
    const { size } = Deno.statSync(path);
    if (size > MAX_JOURNAL_LENGTH) throw new Error(`Cannot read ${path}: ${size} bytes are no journal of ours`);
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function endsLine(path: string): boolean {
  const text = readIfThere(path);
  return text === "" || text.endsWith("\n");
}
