import { ByteWriter, utf8 } from "../base/bytes.ts";
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
 * HMAC-SHA-256 over the table's name and every column's name, type and value, in order of the names.
 */
export class RowChecksum {
  readonly #key: Uint8Array;

  /** `key`: 32 random bytes that live beside the database, not in it. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The checksum to store with `row`. */
  of(table: string, row: Row): Uint8Array {
    const writer = new ByteWriter();
    writeText(writer, table);
    for (const column of Object.keys(row).sort()) {
      writeText(writer, column);
      writeValue(writer, row[column]!);
    }
    return hmac("sha256", this.#key, writer.finish()).slice(0, CHECKSUM_LENGTH);
  }

  /** Whether `checksum` is that of `row`. */
  holds(table: string, row: Row, checksum: unknown): boolean {
    return checksum instanceof Uint8Array && equalSecret(checksum, this.of(table, row));
  }
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = utf8(text);
  writer.u32(bytes.length);
  writer.bytes(bytes);
}

function writeValue(writer: ByteWriter, value: ColumnValue): void {
  if (value === null) {
    writer.u8(0);
  } else if (typeof value === "number") {
    writer.u8(1);
    // A damaged row may hold any number; its text is as good to sign as its bits, and never fails.
    writeText(writer, String(value));
  } else if (typeof value === "string") {
    writer.u8(2);
    writeText(writer, value);
  } else {
    writer.u8(3);
    writer.u32(value.length);
    writer.bytes(value);
  }
}
