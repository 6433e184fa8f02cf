/**
 * The tables, and how a database gets from one version of them to the next.
 *
 * Instants are milliseconds since 1970, booleans 0 or 1, `checksum` is that of `RowChecksum`. PostgreSQL reads the same
 * statements with `bytea` in place of `blob`.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import type { ColumnValue, Row, RowChecksum } from "./row_checksum.ts";

/** A column of bytes, text or numbers as a statement gives it back. */
export type SqlRow = Record<string, unknown>;

/** Runs one statement and gives back its rows. */
export type RunSql = (sql: string, ...values: ColumnValue[]) => SqlRow[];

/** New columns of a table, with what they hold in the rows that are there. */
interface NewColumns {
  table: string;
  /** By name: its definition, and the value. */
  columns: Readonly<Record<string, readonly [definition: string, value: ColumnValue]>>;
}

/** `MIGRATIONS[n]` leads from version n to n + 1. Those that were released never change. */
const MIGRATIONS: readonly (readonly (string | NewColumns)[])[] = [[
  `create table accounts (
    client_id integer primary key,
    virtual_address bigint not null unique,
    nick text not null,
    created_at_ms bigint not null,
    checksum blob not null
  )`,
  `create table account_keys (
    fingerprint blob not null primary key,
    client_id integer not null references accounts (client_id) on delete cascade,
    kind text not null,
    public_key blob not null,
    checksum blob not null,
    unique (client_id, kind)
  )`,
  `create table freed_addresses (
    virtual_address bigint not null primary key,
    freed_at_ms bigint not null,
    checksum blob not null
  )`,
  `create table networks (
    network_id integer primary key,
    name text not null,
    name_key text not null unique,
    compare_key text not null unique,
    kind text not null,
    owner_client_id integer not null references accounts (client_id),
    join_verifier blob,
    is_locked integer not null,
    approval text not null,
    capacity integer not null,
    created_at_ms bigint not null,
    checksum blob not null
  )`,
  `create table memberships (
    network_id integer not null references networks (network_id) on delete cascade,
    client_id integer not null references accounts (client_id) on delete cascade,
    status text not null,
    is_online integer not null,
    joined_at_ms bigint not null,
    checksum blob not null,
    primary key (network_id, client_id)
  )`,
  `create index memberships_of_client on memberships (client_id)`,
  `create table answers (
    client_id integer not null references accounts (client_id) on delete cascade,
    operation blob not null,
    answer blob not null,
    given_at_ms bigint not null,
    checksum blob not null,
    primary key (client_id, operation)
  )`,
  `create index answers_by_age on answers (given_at_ms)`,
  `create table address_plan (
    id integer primary key,
    pool_base bigint not null,
    pool_bits integer not null,
    prefix6 blob not null,
    checksum blob not null
  )`,
], [
  { table: "accounts", columns: { plan: ["text not null default 'free'", "free"] } },
  {
    table: "networks",
    columns: { sealing: ["blob not null default x''", new Uint8Array()], welcome: ["text not null default ''", ""] },
  },
  {
    table: "memberships",
    columns: {
      privileges: ["integer not null default 0", 0],
      is_hub: ["integer not null default 0", 0],
      told_at_ms: ["bigint not null default 0", 0],
    },
  },
  `create table bans (
    network_id integer not null references networks (network_id) on delete cascade,
    client_id integer not null,
    nick text not null,
    banned_at_ms bigint not null,
    until_ms bigint not null,
    reason text not null,
    checksum blob not null,
    primary key (network_id, client_id)
  )`,
  `create table banned_keys (
    network_id integer not null,
    fingerprint blob not null,
    client_id integer not null,
    checksum blob not null,
    primary key (network_id, fingerprint),
    foreign key (network_id, client_id) references bans (network_id, client_id) on delete cascade
  )`,
  `create table announcements (
    network_id integer not null references networks (network_id) on delete cascade,
    sent_at_ms bigint not null,
    client_id integer not null,
    message text not null,
    checksum blob not null,
    primary key (network_id, sent_at_ms)
  )`,
], [
  `create table message_keys (
    client_id integer primary key references accounts (client_id) on delete cascade,
    message_key blob not null,
    checksum blob not null
  )`,
  `create table messages (
    receiver_id integer not null references accounts (client_id) on delete cascade,
    sent_at_ms bigint not null,
    sender_id integer not null references accounts (client_id) on delete cascade,
    message_id blob not null,
    network_id integer not null,
    sealed blob not null,
    checksum blob not null,
    primary key (receiver_id, sent_at_ms),
    unique (receiver_id, sender_id, message_id)
  )`,
  `create index messages_of_sender on messages (sender_id)`,
], [
  `create table invites (
    network_id integer not null references networks (network_id) on delete cascade,
    verifier blob not null,
    client_id integer not null,
    uses_left integer not null,
    expires_at_ms bigint not null,
    checksum blob not null,
    primary key (network_id, verifier)
  )`,
], [
  { table: "networks", columns: { allows_plain: ["integer not null default 0", 0] } },
]];

/**
 * Brings the tables to the present version, within one transaction that its caller holds.
 *
 * @throws {UserError} when a newer program has already changed them.
 */
export function migrate(run: RunSql, checksum: RowChecksum): void {
  run("create table if not exists schema_version (version integer not null)");
  const row = run("select version from schema_version")[0];
  const from = Number(row?.version ?? 0);
  if (from > MIGRATIONS.length) {
    throw new UserError(
      `Cannot use the data folder: its tables are of version ${from}, this program knows ${MIGRATIONS.length}`,
      {
        hint: "Start the newer program that wrote it.",
      },
    );
  }
  for (const step of MIGRATIONS.slice(from).flat()) {
    if (typeof step === "string") run(step);
    else addColumns(run, checksum, step);
  }
  if (row === undefined) run("insert into schema_version values (0)");
  run(`update schema_version set version = ${MIGRATIONS.length}`);
}

/** A checksum covers every column, so sound rows get a new one; that of a damaged row goes on failing. */
function addColumns(run: RunSql, checksum: RowChecksum, { table, columns }: NewColumns): void {
  const rows = run(`select rowid as row_id, * from ${table}`);
  for (const [name, [definition]] of Object.entries(columns)) {
    run(`alter table ${table} add column ${name} ${definition}`);
  }
  const added = Object.fromEntries(Object.entries(columns).map(([name, [, value]]) => [name, value]));
  for (const { row_id: rowId, checksum: former, ...fields } of rows) {
    if (!checksum.holds(table, fields as Row, former)) continue;
    run(
      `update ${table} set checksum = ? where rowid = ?`,
      checksum.of(table, { ...fields as Row, ...added }),
      rowId as number,
    );
  }
}
