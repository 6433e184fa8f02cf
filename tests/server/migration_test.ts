/** A database of the first version, as a server of that time left it, opened by today's. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type Row, RowChecksum } from "../../src/server/row_checksum.ts";
import { openSqliteStore } from "../../src/server/store_sqlite.ts";
import { CHECKSUM_KEY } from "./store_support.ts";

/** Frozen: what the first version made. */
const FIRST_VERSION = `
  create table schema_version (version integer not null);
  insert into schema_version values (1);
  create table accounts (client_id integer primary key, virtual_address bigint not null unique, nick text not null,
    created_at_ms bigint not null, checksum blob not null);
  create table account_keys (fingerprint blob not null primary key,
    client_id integer not null references accounts (client_id) on delete cascade, kind text not null,
    public_key blob not null, checksum blob not null, unique (client_id, kind));
  create table freed_addresses (virtual_address bigint not null primary key, freed_at_ms bigint not null,
    checksum blob not null);
  create table networks (network_id integer primary key, name text not null, name_key text not null unique,
    compare_key text not null unique, kind text not null, owner_client_id integer not null references accounts (client_id),
    join_verifier blob, is_locked integer not null, approval text not null, capacity integer not null,
    created_at_ms bigint not null, checksum blob not null);
  create table memberships (network_id integer not null references networks (network_id) on delete cascade,
    client_id integer not null references accounts (client_id) on delete cascade, status text not null,
    is_online integer not null, joined_at_ms bigint not null, checksum blob not null,
    primary key (network_id, client_id));
  create index memberships_of_client on memberships (client_id);
  create table answers (client_id integer not null references accounts (client_id) on delete cascade,
    operation blob not null, answer blob not null, given_at_ms bigint not null, checksum blob not null,
    primary key (client_id, operation));
  create index answers_by_age on answers (given_at_ms);
  create table address_plan (id integer primary key, pool_base bigint not null, pool_bits integer not null,
    prefix6 blob not null, checksum blob not null);
`;

const NETWORK = {
  network_id: 9,
  name: "Home LAN",
  name_key: "home lan",
  compare_key: "home lan",
  kind: "mesh",
  owner_client_id: 1,
  join_verifier: null,
  is_locked: 1,
  approval: "manual",
  capacity: 256,
  created_at_ms: 7,
};

function insert(database: DatabaseSync, table: string, row: Row): void {
  const fields = { ...row, checksum: new RowChecksum(CHECKSUM_KEY).of(table, row) };
  const columns = Object.keys(fields);
  database.prepare(`insert into ${table} (${columns.join()}) values (${columns.map(() => "?").join()})`)
    .run(...Object.values(fields));
}

function makeFirstVersion(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(FIRST_VERSION);
  for (const id of [1, 2]) {
    insert(database, "accounts", { client_id: id, virtual_address: id, nick: `nick ${id}`, created_at_ms: 7 });
    insert(database, "account_keys", {
      fingerprint: new Uint8Array(32).fill(id),
      client_id: id,
      kind: "ed25519",
      public_key: new Uint8Array(32).fill(id),
    });
  }
  insert(database, "networks", NETWORK);
  for (const id of [1, 2]) {
    const membership = { network_id: 9, client_id: id, status: "member", is_online: 1, joined_at_ms: 7 };
    insert(database, "memberships", membership);
  }
  database.exec("update accounts set nick = 'forged' where client_id = 2");
  database.exec("update memberships set status = 'pending' where client_id = 2");
  database.close();
}

Deno.test("openSqliteStore takes over a first version's rows, and gives no damaged one a new checksum", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "buri-migration-" });
  makeFirstVersion(`${folder}/buri.sqlite`);
  const damages: string[] = [];
  const onDamage = (error: Error) => void damages.push(error.message);
  const store = await openSqliteStore({ folder, checksumKey: CHECKSUM_KEY, onDamage });
  await store.read(async (tx) => {
    assert.deepEqual(await tx.account(1), {
      clientId: 1,
      virtualAddress: 1,
      nick: "nick 1",
      plan: "free",
      createdAtMs: 7,
    });
    await assert.rejects(tx.account(2), { name: "DamagedRowError" });
    assert.equal((await tx.keysOf(1)).length, 1);
    const network = await tx.network(9);
    assert.deepEqual([network?.isLocked, network?.approval, network?.welcome, network?.sealing.length], [
      true,
      "manual",
      "",
      0,
    ]);
    const members = await tx.membersOf(9);
    assert.deepEqual(
      members.map(({ clientId, privileges, isHub, toldAtMs }) => [clientId, privileges, isHub, toldAtMs]),
      [
        [1, 0, false, 0],
      ],
    );
    assert.ok(damages.length > 0);
    await assert.rejects(tx.membership(9, 2), { name: "DamagedRowError" });
  });
  await store.close();
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a ban that was changed behind the server's back keeps everybody out whom it might have meant", async () => {
  for (const forgery of ["update bans set until_ms = 1", "update banned_keys set client_id = 3"]) {
    const folder = Deno.makeTempDirSync({ prefix: "buri-migration-" });
    makeFirstVersion(`${folder}/buri.sqlite`);
    const open = () => openSqliteStore({ folder, checksumKey: CHECKSUM_KEY, onDamage: () => {} });
    const key = new Uint8Array(32).fill(5);
    const store = await open();
    await store.write((tx) =>
      tx.putBan({ networkId: 9, clientId: 4, nick: "", bannedAtMs: 1, untilMs: 0, reason: "" }, [key])
    );
    await store.close();
    const database = new DatabaseSync(`${folder}/buri.sqlite`);
    database.exec("PRAGMA foreign_keys = OFF");
    database.exec(forgery);
    database.close();
    const again = await open();
    await assert.rejects(again.read((tx) => tx.ban(9, 5, [key])), { name: "DamagedRowError" });
    await again.close();
    Deno.removeSync(folder, { recursive: true });
  }
});
