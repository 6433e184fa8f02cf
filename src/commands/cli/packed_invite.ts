/**
 * The invite at the end of a packed program:
 *
 *     the program | the link, UTF-8 | checksum 8 | length u16 | "buri packed 1\n"
 *
 * checksum = the first 8 bytes of SHA-256 of the link. Systems that load a program look only at what its header names, and
 * so does the runtime that finds its own part in it: what follows is nobody's but ours.
 *
 * @module
 */
import { concat, equalBytes, fromUtf8, utf8 } from "../../base/bytes.ts";
import { UserError } from "../../base/errors.ts";
import { sha256 } from "../../crypto/mod.ts";

const MARK = utf8("buri packed 1\n");
const CHECKSUM_LENGTH = 8;
const FOOT_LENGTH = CHECKSUM_LENGTH + 2 + MARK.length;
const MAX_LINK_LENGTH = 1_024;

/** So many bytes at the end of a file tell whether there is an invite, and which. */
export const LONGEST_PACKED_END: number = MAX_LINK_LENGTH + FOOT_LENGTH;

/** What is put behind a program. */
export function packedEnd(link: string): Uint8Array {
  const bytes = utf8(link);
  if (bytes.length > MAX_LINK_LENGTH) throw new RangeError(`a link of ${bytes.length} bytes is too long`);
  const length = Uint8Array.of(bytes.length >> 8, bytes.length & 0xff);
  return concat(bytes, sha256(bytes).subarray(0, CHECKSUM_LENGTH), length, MARK);
}

/** An invite that was found, and how many bytes of the file's end are its. */
export interface PackedInvite {
  /** As `invite` prints it. */
  link: string;
  /** Of link, checksum, length and mark. */
  length: number;
}

/**
 * Reads the end of a file, of at most {@linkcode LONGEST_PACKED_END} bytes; null where no invite is in it.
 *
 * @throws {UserError} exit 1 when one is, and it is damaged
 */
export function readPackedEnd(end: Uint8Array): PackedInvite | null {
  const foot = end.subarray(-FOOT_LENGTH);
  if (foot.length < FOOT_LENGTH || !equalBytes(foot.subarray(-MARK.length), MARK)) return null;
  const linkLength = foot[CHECKSUM_LENGTH]! << 8 | foot[CHECKSUM_LENGTH + 1]!;
  const length = linkLength + FOOT_LENGTH;
  const link = end.subarray(-length, -FOOT_LENGTH);
  const isWhole = link.length === linkLength &&
    equalBytes(sha256(link).subarray(0, CHECKSUM_LENGTH), foot.subarray(0, CHECKSUM_LENGTH));
  if (isWhole) return { link: fromUtf8(link), length };
  throw new UserError("Cannot read the invite in this program: it is damaged", {
    hint: "Get another copy of it, or ask for a link.",
  });
}
