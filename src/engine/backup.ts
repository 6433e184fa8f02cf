/**
 * What makes this computer the client it is, in one file under a password, and back (docs/BACKUP.md): keys, settings,
 * accounts, pins and the secrets of networks.
 *
 * A restore is one step: all of it is written into one file of the state folder, and only then put in its places. Whoever
 * opens the folder next finishes what a crash has left.
 *
 * @module
 */
import * as v from "valibot";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { UserError } from "../base/errors.ts";
import { systemRandom } from "../base/random.ts";
import { BACKUP_RANDOM_LENGTH, isBackup, openBackup, sealBackup } from "../crypto/mod.ts";
import { damaged, StateFolder } from "./state_folder.ts";

/** What a backup is made of, or restored from. */
export interface BackupOptions {
  /** The state folder. */
  stateDir: string;
  /** The backup. */
  file: string;
  /** Not empty. */
  password: string;
}

const MAX_BACKUP_LENGTH = 32 * 1024 * 1024;
/** Holds a restore that is under way. */
const PENDING = "restore.json";
const IDENTITY = "identity.json";
const SERVER_ID = /^[0-9a-f]{16}$/;
const STATE_FILE =
  /^(?:identity\.json|settings\.json|servers\/[0-9a-f]{16}\/(?:account|pins|secrets|notices|message_keys)\.json)$/;

const CONTENT = v.strictObject({
  version: v.literal(1),
  files: v.record(v.pipe(v.string(), v.regex(STATE_FILE)), v.string()),
});

/** Writes a new backup; the engine may run. Gives the number of files in it. @throws {UserError} */
export function makeBackup({ stateDir, file, password }: BackupOptions): number {
  const key = passwordBytes(password);
  const folder = StateFolder.openToRead(stateDir);
  const names = stateFiles(stateDir);
  if (!names.includes(IDENTITY)) throw new UserError(`Cannot make a backup: there are no keys in ${stateDir}`);
  const files = Object.fromEntries(names.map((name) => [name, folder.read(name) ?? ""]));
  const content = utf8(JSON.stringify({ version: 1, files }));
  writeNew(file, () => sealBackup(key, content, systemRandom().bytes(BACKUP_RANDOM_LENGTH)));
  return names.length;
}

/**
 * Puts a backup in the place of what the state folder holds; no engine may run. Gives the number of files restored.
 *
 * @throws {UserError} exit 1, and the folder is as it was: a wrong password, a damaged file, keys that are there while not
 * `force`
 */
export function restoreBackup({ stateDir, file, password, force }: BackupOptions & { force: boolean }): number {
  const key = passwordBytes(password);
  const bytes = readBackup(file);
  const folder = StateFolder.open(stateDir);
  try {
    finishRestore(folder);
    if (!force && folder.read(IDENTITY) !== null) {
      throw new UserError(`Cannot restore: ${stateDir} holds the keys of a client already`, {
        hint: "Name another folder with --state, or add --force: then those keys and their accounts are gone.",
      });
    }
    folder.write(PENDING, openContent(file, key, bytes));
    return finishRestore(folder);
  } finally {
    folder.close();
  }
}

/** Finishes a restore that was begun, if there is one. Gives the number of files restored. @throws {UserError} */
export function finishRestore(folder: StateFolder): number {
  const text = folder.read(PENDING);
  if (text === null) return 0;
  const files = parseContent(text);
  if (files === null) throw damaged(folder.pathOf(PENDING), "it is no restored backup");
  for (const name of stateFiles(folder.path)) {
    if (!(name in files)) Deno.removeSync(folder.pathOf(name));
  }
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  Deno.removeSync(folder.pathOf(PENDING));
  return Object.keys(files).length;
}

function openContent(file: string, password: Uint8Array, bytes: Uint8Array): string {
  const content = openBackup(password, bytes);
  const text = content === null ? null : fromUtf8(content);
  if (text !== null && parseContent(text) !== null) return text;
  throw new UserError(`Cannot restore: the password is wrong, or ${file} is damaged`);
}

function parseContent(text: string): Record<string, string> | null {
  try {
    const { output, success } = v.safeParse(CONTENT, JSON.parse(text));
    return success && IDENTITY in output.files ? output.files : null;
  } catch {
    return null;
  }
}

/** Names of what is kept of a client, in the folder and one below each server. */
function stateFiles(stateDir: string): string[] {
  const servers = entries(`${stateDir}/servers`).filter((name) => SERVER_ID.test(name));
  const names = [
    ...entries(stateDir),
    ...servers.flatMap((id) => entries(`${stateDir}/servers/${id}`).map((name) => `servers/${id}/${name}`)),
  ];
  return names.filter((name) => STATE_FILE.test(name)).sort();
}

function entries(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw cannot(`read ${path}`, error);
  }
}

function passwordBytes(password: string): Uint8Array {
  if (password === "") throw new UserError("Cannot use an empty password for a backup", { exitCode: 2 });
  return utf8(password.normalize("NFC"));
}

function readBackup(file: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    if (Deno.statSync(file).size > MAX_BACKUP_LENGTH) throw new Error("it is too long");
    bytes = Deno.readFileSync(file);
  } catch (error) {
    throw cannot(`read the backup ${file}`, error);
  }
  if (isBackup(bytes)) return bytes;
  throw new UserError(`Cannot restore: ${file} is no backup that this version knows`);
}

/** `make` is asked only where there is room for what it takes long to make. */
function writeNew(file: string, make: () => Uint8Array): void {
  let isOurs = false;
  try {
    using out = Deno.openSync(file, { write: true, createNew: true, mode: 0o600 });
    isOurs = true;
    const bytes = make();
    for (let offset = 0; offset < bytes.length;) offset += out.writeSync(bytes.subarray(offset));
    out.syncSync();
  } catch (error) {
    if (isOurs) Deno.removeSync(file);
    throw cannot(`write the backup ${file}`, error);
  }
}

function cannot(what: string, error: unknown): UserError {
  const isDenied = error instanceof Deno.errors.PermissionDenied;
  const reason = error instanceof Deno.errors.AlreadyExists
    ? "there is such a file already"
    : error instanceof Error
    ? error.message
    : String(error);
  return new UserError(`Cannot ${what}: ${reason}`, { exitCode: isDenied ? 4 : 1, cause: error });
}
