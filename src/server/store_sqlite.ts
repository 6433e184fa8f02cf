import { DatabaseSync, type StatementSync } from "node:sqlite";
import { UserError } from "../base/errors.ts";
import { createFile, DATABASE_FILE } from "./data_folder.ts";
import type { ColumnValue } from "./row_checksum.ts";
import { RowChecksum } from "./row_checksum.ts";
import { migrate, type SqlRow } from "./schema.ts";
import type { DamagedRowError, Store, StoreTransaction } from "./store.ts";
import { StoreBusyError, StoreUnwritableError } from "./store.ts";
import { type SqlConnection, type SqlStatement, sqlTransaction } from "./store_queries.ts";
import { Turns } from "./turns.ts";

/** What a store on SQLite needs. */
export interface SqliteStoreOptions {
  /** The data folder; it exists. */
  folder: string;
  /** 32 bytes, the key of the row checksums. */
  checksumKey: Uint8Array;
  /** Told of each row that a list left out. */
  onDamage: (error: DamagedRowError) => void;
  /** Told when it can no longer be written, and why, and when it can again: null. */
  onUnwritable?: (problem: StoreUnwritableError | null) => void;
}

/** What SQLite says when another connection writes. */
const BUSY_MESSAGES = /database is locked/;

/** What it says when the disk takes nothing. */
const UNWRITABLE_MESSAGES = /disk is full|disk I\/O error|readonly database|unable to open database file/;

/**
 * FULL: a commit is on the disk before its answer leaves (node:sqlite's own default is the same, but it is a promise of
 * ours, not of theirs). The write-ahead log makes a commit one append.
 */
const PRAGMAS = ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 2000"];

/**
 * Opens the store in `folder`, or makes it there.
 *
 * @throws {UserError} when it is damaged, was written by a newer program, or cannot be written.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { folder } = options;
  const path = `${folder}/${DATABASE_FILE}`;
  let database: DatabaseSync | undefined;
  try {
    // SQLite gives its two companion files the mode of the database.
    createFile(path);
    database = new DatabaseSync(path);
    for (const pragma of PRAGMAS) database.exec(`PRAGMA ${pragma}`);
    checkIntegrity(database);
    const store = new SqliteStore(database, options);
    await store.migrate();
    return store;
  } catch (error) {
    database?.close();
    throw storeError(folder, error);
  }
}

function checkIntegrity(database: DatabaseSync): void {
  const [row] = database.prepare("PRAGMA integrity_check(1)").all() as { integrity_check: string }[];
  if (row?.integrity_check !== "ok") throw new Error(row?.integrity_check ?? "the integrity check gave no result");
}

/** What to tell the operator of a store that failed while the server starts. */
export function storeError(folder: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const isOurs = error instanceof StoreBusyError || error instanceof StoreUnwritableError;
  const isOfTheDisk = BUSY_MESSAGES.test(reason) || UNWRITABLE_MESSAGES.test(reason);
  if (isOurs || isOfTheDisk || error instanceof Deno.errors.PermissionDenied) {
    return new UserError(`Cannot write to the data folder ${folder}: ${reason}`, {
      hint: "Make room on its disk, or give its files to the user the server runs as.",
      cause: error,
    });
  }
  return new UserError(`Cannot use the data folder ${folder}: its database is damaged: ${reason}`, {
    hint: `Put back a copy of the folder, or move ${DATABASE_FILE} away to begin with no accounts.`,
    cause: error,
  });
}

/** One connection; transactions take turns on it. */
class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #transaction: StoreTransaction;
  readonly #turns = new Turns();
  readonly #checksum: RowChecksum;
  readonly #onUnwritable: (problem: StoreUnwritableError | null) => void;
  #isWritable = true;
  #dataVersion: number;

  constructor(database: DatabaseSync, { checksumKey, onDamage, onUnwritable = () => {} }: SqliteStoreOptions) {
    const checksum = new RowChecksum(checksumKey);
    this.#database = database;
    this.#checksum = checksum;
    this.#onUnwritable = onUnwritable;
    this.#dataVersion = dataVersionOf(database);
    this.#transaction = sqlTransaction(connectionTo(database), checksum, onDamage);
  }

  migrate(): Promise<void> {
    return this.#inTransaction(() => {
      migrate((sql, ...values) => this.#database.prepare(sql).all(...values) as SqlRow[], this.#checksum);
      return Promise.resolve();
    });
  }

  read<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#turns.take(() => work(this.#transaction));
  }

  write<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#inTransaction(() => work(this.#transaction));
  }

  wasChangedElsewhere(): Promise<boolean> {
    return this.#turns.take(() => {
      const former = this.#dataVersion;
      this.#dataVersion = dataVersionOf(this.#database);
      return Promise.resolve(this.#dataVersion !== former);
    });
  }

  close(): Promise<void> {
    return this.#turns.take(() => Promise.resolve(this.#database.close()));
  }

  #inTransaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      try {
        this.#database.exec("BEGIN IMMEDIATE");
        const result = await work();
        this.#database.exec("COMMIT");
        this.#noteWritable(null);
        return result;
      } catch (error) {
        this.#rollBack();
        const reason = writeError(error);
        if (reason instanceof StoreUnwritableError) this.#noteWritable(reason);
        throw reason;
      }
    });
  }

  #noteWritable(problem: StoreUnwritableError | null): void {
    if (this.#isWritable === (problem === null)) return;
    this.#isWritable = problem === null;
    this.#onUnwritable(problem);
  }

  /** A full disk can make SQLite roll back by itself, after which there is nothing left to do. */
  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }
}

/** A number that changes with each commit of another connection, and never with one of ours. */
function dataVersionOf(database: DatabaseSync): number {
  return Number((database.prepare("PRAGMA data_version").get() as { data_version: number }).data_version);
}

/** What a failed transaction means for whoever asked for it. */
function writeError(error: unknown): unknown {
  if (!(error instanceof Error) || !isSqliteError(error)) return error;
  const message = `Cannot write to the store: ${error.message}`;
  if (BUSY_MESSAGES.test(error.message)) return new StoreBusyError(message, { cause: error });
  if (UNWRITABLE_MESSAGES.test(error.message)) return new StoreUnwritableError(message, { cause: error });
  return error;
}

function isSqliteError(error: Error): boolean {
  return (error as Error & { code?: unknown }).code === "ERR_SQLITE_ERROR";
}

/** Compiles each statement text once. */
function connectionTo(database: DatabaseSync): SqlConnection {
  const statements = new Map<string, SqlStatement>();
  return {
    prepare: (sql) => {
      const statement = statements.get(sql) ?? adapt(database.prepare(sql));
      statements.set(sql, statement);
      return statement;
    },
    close: () => database.close(),
  };
}

function adapt(statement: StatementSync): SqlStatement {
  return {
    reader: statement.columns().length > 0,
    all: (values) => statement.all(...values as ColumnValue[]),
    run: (values) => statement.run(...values as ColumnValue[]),
    iterate: (values) => statement.iterate(...values as ColumnValue[]),
  };
}
