/**
 * The folder in which the engine keeps its keys and what it must remember.
 *
 * A file is replaced as a whole: written beside the old one with mode 0600 from its first byte, synced, renamed over it, and
 * the folder synced. So after a kill or a power cut there is the old content or the new one, never a part.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { lockSoon } from "../transport/file_lock.ts";

/** Bits by which others than the owner may read or write a file. */
const FOREIGN_ACCESS = 0o077;
/** Bits by which others than the owner may replace files in a folder, unless it is sticky. */
const FOREIGN_WRITE = 0o022;
const STICKY = 0o1000;

const LOCK_NAME = "lock";
/** Beside `NAME` stands `NAME.new` while it is written. */
const UNFINISHED_SUFFIX = ".new";

/** Longest file the engine ever writes, with room to spare; anything longer is not ours. */
const MAX_FILE_LENGTH = 4 * 1024 * 1024;

/** A state folder held by this process alone. */
export class StateFolder {
  /** Path of the folder. */
  readonly path: string;
  readonly #lock: Deno.FsFile | null;
  /** Users whose files are believed: this one, and the owner of the folder. */
  readonly #owners: (number | null)[];

  private constructor(path: string, owner: number | null, lock: Deno.FsFile | null) {
    this.path = path;
    this.#owners = [owner, Deno.uid()];
    this.#lock = lock;
  }

  /**
   * Makes the folder where there is none and takes hold of it.
   *
   * @throws {UserError} exit 4 when it may not be used, exit 1 when another engine holds it or others could write in it
   */
  static open(path: string): StateFolder {
    try {
      Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
      const { mode, uid } = Deno.statSync(path);
      if (mode !== null && (mode & FOREIGN_WRITE) !== 0 && (mode & STICKY) === 0) throw openToOthers(path, "700");
      return new StateFolder(path, uid, takeLock(`${path}/${LOCK_NAME}`));
    } catch (error) {
      throw explain(error, `Cannot use the state folder ${path}`);
    }
  }

  /**
   * A folder that is only read, beside an engine that may run: each file is whole, for files are replaced as a whole.
   *
   * @throws {UserError} exit 4 when it may not be used, exit 1 when there is none
   */
  static openToRead(path: string): StateFolder {
    try {
      return new StateFolder(path, Deno.statSync(path).uid, null);
    } catch (error) {
      throw explain(error, `Cannot use the state folder ${path}`);
    }
  }

  /** Content of a file, null where there is none. @throws {UserError} exit 1 when others could read it, or it cannot be read */
  read(name: string): string | null {
    const path = this.pathOf(name);
    try {
      using file = Deno.openSync(path, { read: true });
      const info = file.statSync();
      const { size } = info;
      this.#requirePrivate(path, info);
      if (size > MAX_FILE_LENGTH) throw damaged(path, `it has ${size} bytes`);
      const bytes = new Uint8Array(size);
      let length = 0;
      for (let read: number | null = 0; read !== null && length < size; length += read ?? 0) {
        read = file.readSync(bytes.subarray(length));
      }
      return decodeText(bytes.subarray(0, length), path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw explain(error, `Cannot read ${path}`);
    }
  }

  /** Replaces a file, or makes it, and returns when it is on the disk. @throws {UserError} exit 1; then the old one stands */
  write(name: string, text: string): void {
    const path = this.pathOf(name);
    const folder = path.slice(0, path.lastIndexOf("/"));
    const unfinished = path + UNFINISHED_SUFFIX;
    try {
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      removeIfThere(unfinished);
      writeSynced(unfinished, new TextEncoder().encode(text));
      Deno.renameSync(unfinished, path);
      using entries = Deno.openSync(folder, { read: true });
      entries.syncSync();
    } catch (error) {
      throw explain(error, `Cannot save ${path}`);
    }
  }

  /**
   * Path of a file that somebody else writes, made where there is none.
   *
   * @throws {UserError} exit 1 when others could read it, or it cannot be made
   */
  privateFile(name: string): string {
    const path = this.pathOf(name);
    try {
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
      using file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
      this.#requirePrivate(path, file.statSync());
      return path;
    } catch (error) {
      throw explain(error, `Cannot use ${path}`);
    }
  }

  #requirePrivate(path: string, { mode, uid }: Deno.FileInfo): void {
    if (!this.#owners.includes(uid)) throw new UserError(`Cannot use ${path}: it belongs to another user`);
    if (mode !== null && (mode & FOREIGN_ACCESS) !== 0) throw openToOthers(path, "600");
  }

  /** Path of a file; `name` may hold slashes. */
  pathOf(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Lets another engine use the folder. */
  close(): void {
    this.#lock?.close();
  }
}

/** A file of the state folder that this program did not write. */
export function damaged(path: string, why: string): UserError {
  return new UserError(`Cannot use ${path}: the file is damaged (${why})`, {
    hint: "Nothing was changed. Put back a copy of it, or move it away to begin without what it held.",
  });
}

function openToOthers(path: string, mode: string): UserError {
  return new UserError(`Cannot use ${path}: other users of this machine have access to it`, {
    hint: `If nobody can have read or changed it: chmod ${mode} ${path}`,
  });
}

/** The lock dies with the process, however that ends. */
function takeLock(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  if (lockSoon(file)) return file;
  file.close();
  throw new UserError("Cannot start: another engine uses this state folder", {
    hint: "End it with `buri down`, or give this one a folder of its own with --state.",
  });
}

function writeSynced(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
  file.syncSync();
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw damaged(path, "it is not text");
  }
}

function explain(error: unknown, what: string): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof Deno.errors.PermissionDenied) {
    return new UserError(`${what}: permission denied`, {
      exitCode: 4,
      hint: "Run it as the user that owns the folder, or name another one with --state.",
      cause: error,
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError(`${what}: ${reason}`, { hint: "See that the disk has room and works.", cause: error });
}
