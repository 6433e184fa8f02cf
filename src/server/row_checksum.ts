import { toHex, utf8 } from "../base/bytes.ts";
import { hmac } from "../crypto/hash.ts";
import { equalSecret } from "../crypto/secret.ts";

/** What a column of ours may hold. Numbers are integers of 0 to 2^53-1. */
export type ColumnValue = number | string | Uint8Array | null;

/** A row by its column names. */
export type Row = Record<string, ColumnValue>;

/** Bytes kept of the HMAC. */
const CHECKSUM_LENGTH = 16;

/**
 * Tells a row the server wrote from one that the disk, or somebody without the key, changed. SQLite's own checks see a
 * damaged page structure, yet rarely a changed value, and a changed value here can be a stranger's right to join.
 *
 * HMAC-SHA-256 over JSON of the table's name and every column's name, type and value, in order of the names.
 */
export class RowChecksum {
  readonly #key: Uint8Array;

  /** `key`: 32 random bytes that live beside the database, not in it. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The checksum to store with `row`. */
  of(table: string, row: Row): Uint8Array {
    const columns = Object.keys(row).sort().map((column) => [column, tagged(row[column]!)]);
    return hmac("sha256", this.#key, utf8(JSON.stringify([table, columns]))).slice(0, CHECKSUM_LENGTH);
  }

  /** Whether `checksum` is that of `row`. */
  holds(table: string, row: Row, checksum: unknown): boolean {
    return checksum instanceof Uint8Array && equalSecret(checksum, this.of(table, row));
  }
}

/** A value that no other value has the JSON of; a damaged row may hold any number, and JSON knows not all of them. */
function tagged(value: ColumnValue): [type: string, text: string] | null {
  if (value === null) return null;
  if (typeof value === "number") return ["number", String(value)];
  return typeof value === "string" ? ["text", value] : ["bytes", toHex(value)];
}
