/**
 * Programs with an invite inside: makes them, and finds the invite in the one that runs.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { LONGEST_PACKED_END, packedEnd, type PackedInvite, readPackedEnd } from "./packed_invite.ts";

/** What to pack. */
export interface PackOptions {
  /** File of a compiled Buri for any system; null = this program's own. */
  base: string | null;
  /** File to make; there must be none. */
  out: string;
  /** Makes the invite, once everything else is in its place. */
  makeLink(): Promise<string>;
}

const COPY_LENGTH = 1024 * 1024;

/** The first bytes of a program: of Linux and of Windows, and of macOS. */
const BEGINNINGS: readonly { bytes: readonly number[]; canPack: boolean }[] = [
  { bytes: [0x7f, 0x45, 0x4c, 0x46], canPack: true },
  { bytes: [0x4d, 0x5a], canPack: true },
  { bytes: [0xcf, 0xfa, 0xed, 0xfe], canPack: false },
  { bytes: [0xca, 0xfe, 0xba, 0xbe], canPack: false },
];

/** The link in the program that runs; null where it was not packed. @throws {UserError} when it is damaged */
export function ownPackedLink(): string | null {
  if (!Deno.build.standalone) return null;
  using file = Deno.openSync(Deno.execPath(), { read: true });
  return packedInviteOf(file)?.link ?? null;
}

/**
 * Writes a program with an invite inside. Gives its length in bytes.
 *
 * @throws {UserError} exit 1, and there is no such file; or whatever `makeLink` throws
 */
export async function packProgram({ base, out, makeLink }: PackOptions): Promise<number> {
  if (base === null && !Deno.build.standalone) {
    throw new UserError("Cannot pack: this is Buri's source, not the program that was made of it", {
      hint: "Run the compiled program, or name one with --base.",
    });
  }
  using program = openProgram(base ?? Deno.execPath());
  const length = program.statSync().size - (packedInviteOf(program)?.length ?? 0);
  using file = makeFile(out);
  try {
    copy(program, file, length);
    const end = packedEnd(await makeLink());
    writeAll(file, end);
    file.syncSync();
    return length + end.length;
  } catch (error) {
    Deno.removeSync(out);
    if (error instanceof UserError || !isOfTheSystem(error)) throw error;
    throw new UserError(`Cannot write ${out}: ${(error as Error).message}`, {
      hint: "See that its disk has room.",
      cause: error,
    });
  }
}

function packedInviteOf(file: Deno.FsFile): PackedInvite | null {
  const { size } = file.statSync();
  const end = new Uint8Array(Math.min(size, LONGEST_PACKED_END));
  file.seekSync(size - end.length, Deno.SeekMode.Start);
  readAll(file, end);
  return readPackedEnd(end);
}

function openProgram(path: string): Deno.FsFile {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (error) {
    throw new UserError(`Cannot pack ${path}: ${(error as Error).message}`, { cause: error });
  }
  const start = new Uint8Array(4);
  readAll(file, start);
  const kind = BEGINNINGS.find(({ bytes }) => bytes.every((byte, at) => start[at] === byte));
  if (kind?.canPack === true) return file;
  file.close();
  throw kind === undefined
    ? new UserError(`Cannot pack ${path}: it is no program`, {
      hint: "--base takes a compiled Buri for Linux or Windows.",
    })
    : new UserError(`Cannot pack ${path}: macOS runs no program that was changed after it was signed`, {
      hint: "Send the link that `invite` prints instead.",
    });
}

/** Nobody else on this computer is to read the secret in it. */
function makeFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: true, mode: 0o700 });
  } catch (error) {
    const isThere = error instanceof Deno.errors.AlreadyExists;
    const reason = isThere ? "there is such a file already" : (error as Error).message;
    throw new UserError(`Cannot write ${path}: ${reason}`, { hint: "Name another file with --out.", cause: error });
  }
}

function copy(from: Deno.FsFile, to: Deno.FsFile, length: number): void {
  const buffer = new Uint8Array(COPY_LENGTH);
  from.seekSync(0, Deno.SeekMode.Start);
  for (let left = length; left > 0;) {
    const part = buffer.subarray(0, Math.min(left, buffer.length));
    readAll(from, part);
    writeAll(to, part);
    left -= part.length;
  }
}

function readAll(file: Deno.FsFile, into: Uint8Array): void {
  for (let offset = 0; offset < into.length;) {
    const count = file.readSync(into.subarray(offset));
    if (count === null) return;
    offset += count;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
}

/** Not a refusal of the engine, but of the disk. */
function isOfTheSystem(error: unknown): boolean {
  return error instanceof Error && /\(os error \d+\)/.test(error.message);
}
