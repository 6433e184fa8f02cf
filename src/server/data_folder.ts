import { UserError } from "../base/errors.ts";
import { lockSoon } from "../transport/file_lock.ts";

/** The server's truth, see `store_sqlite.ts`. */
export const DATABASE_FILE = "buri.sqlite";

/** Held for as long as a server runs on the folder. */
const LOCK_FILE = "lock";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Anybody but the owner. */
const FOREIGN_BITS = 0o077;

/**
 * Makes the data folder where it is missing, readable by its owner only, from its first moment on.
 *
 * @throws {UserError} when the path is something else or cannot be made.
 */
export function makeDataFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  } catch (error) {
    throw folderError(folder, error);
  }
}

/**
 * Makes sure that no other server uses the folder; the returned function lets go of it.
 *
 * @throws {UserError} when another one does.
 */
export function lockDataFolder(folder: string): () => void {
  const path = `${folder}/${LOCK_FILE}`;
  try {
    const file = Deno.openSync(path, { write: true, create: true, mode: FILE_MODE });
    if (lockSoon(file)) return () => file.close();
    file.close();
  } catch (error) {
    throw folderError(folder, error);
  }
  throw new UserError(`Cannot use the data folder ${folder}: another server runs on it`, {
    hint: "Stop that server, or name another folder with --data.",
  });
}

/** Whether the folder holds the truth of a server that has run before. */
export function hasDatabase(folder: string): boolean {
  try {
    return Deno.statSync(`${folder}/${DATABASE_FILE}`).size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw folderError(folder, error);
  }
}

/** Makes an empty file that only its owner may read, if there is none. */
export function createFile(path: string): void {
  Deno.openSync(path, { write: true, create: true, mode: FILE_MODE }).close();
}

/**
 * The content of `name`, or where there is no such file, that of `make()`, which is then in it for good: whoever comes
 * second, be it at the same moment, gets what the first one wrote.
 *
 * @throws {UserError} when others may read the file, or it can neither be read nor made.
 */
export async function readOrMakeFile(
  folder: string,
  name: string,
  make: () => Promise<Uint8Array> | Uint8Array,
): Promise<Uint8Array> {
  try {
    return readPrivateFile(folder, name) ?? await makePrivateFile(folder, name, await make());
  } catch (error) {
    throw folderError(folder, error);
  }
}

/** Null when there is no such file. @throws {UserError} when others may read it. */
export function readPrivateFile(folder: string, name: string): Uint8Array | null {
  const path = `${folder}/${name}`;
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw folderError(folder, error);
  }
  try {
    const { mode, size } = file.statSync();
    if (mode !== null && (mode & FOREIGN_BITS) !== 0) {
      throw new UserError(`Cannot use ${path}: others than its owner may read it`, { hint: `Run: chmod 600 ${path}` });
    }
    return readAll(file, size);
  } finally {
    file.close();
  }
}

function readAll(file: Deno.FsFile, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size;) {
    const count = file.readSync(bytes.subarray(offset));
    if (count === null) return bytes.slice(0, offset);
    offset += count;
  }
  return bytes;
}

/** A link, unlike a rename, fails where the name is taken: two that make a key at once end with the same one. */
function makePrivateFile(folder: string, name: string, bytes: Uint8Array): Uint8Array {
  const temporary = writeTemporary(folder, name, bytes);
  try {
    Deno.linkSync(temporary, `${folder}/${name}`);
    return bytes;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return readPrivateFile(folder, name)!;
  } finally {
    Deno.removeSync(temporary);
    syncFolder(folder);
  }
}

/** Replaces `name` in one step: after a crash it holds the old bytes or the new ones. @throws {UserError} */
export function replacePrivateFile(folder: string, name: string, bytes: Uint8Array): void {
  try {
    Deno.renameSync(writeTemporary(folder, name, bytes), `${folder}/${name}`);
    syncFolder(folder);
  } catch (error) {
    throw folderError(folder, error);
  }
}

/** Leaves nothing behind when it fails. */
function writeTemporary(folder: string, name: string, bytes: Uint8Array): string {
  const path = `${folder}/.${name}.${crypto.randomUUID()}`;
  const file = Deno.openSync(path, { write: true, createNew: true, mode: FILE_MODE });
  try {
    for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
    file.syncSync();
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  } finally {
    file.close();
  }
  return path;
}

function syncFolder(folder: string): void {
  if (Deno.build.os === "windows") return;
  const handle = Deno.openSync(folder, { read: true });
  try {
    handle.syncSync();
  } finally {
    handle.close();
  }
}

function folderError(folder: string, error: unknown): unknown {
  if (error instanceof UserError || !(error instanceof Error)) return error;
  return new UserError(`Cannot use the data folder ${folder}: ${error.message}`, {
    hint: "It must be a folder, on a disk with room, that the user the server runs as may write to.",
    cause: error,
  });
}

/**
 * Makes `owner` the owner of the folder and of its files, so that a server that gives up root can still use them. To be
 * called as root. Links are left alone: whoever could write to the folder might have pointed one at a file of root's.
 *
 * @throws {UserError}
 */
export function giveDataFolder(folder: string, owner: { uid: number; gid: number }): void {
  try {
    // While the folder is root's, nobody can put something else in the place of what was looked at.
    Deno.chownSync(folder, 0, 0);
    for (const { name } of Deno.readDirSync(folder)) {
      const { isFile, nlink } = Deno.lstatSync(`${folder}/${name}`);
      if (isFile && nlink === 1) Deno.chownSync(`${folder}/${name}`, owner.uid, owner.gid);
    }
    Deno.chownSync(folder, owner.uid, owner.gid);
  } catch (error) {
    throw folderError(folder, error);
  }
}
