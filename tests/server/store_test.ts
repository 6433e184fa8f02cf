import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { UserError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { joinVerifierOf } from "../../src/server/policy.ts";
import { createNetwork, joinNetwork } from "../../src/server/registry.ts";
import { StoreBusyError, StoreUnwritableError } from "../../src/server/store.ts";
import { openSqliteStore } from "../../src/server/store_sqlite.ts";
import { needs } from "../support/needs.ts";
import { CHECKSUM_KEY, dump, makeTestStore, type TestStore } from "./store_support.ts";
import { fillDisk, run } from "../support/small_disk.ts";

const VERIFIER = joinVerifierOf(true, new Uint8Array(32).fill(1));

/** Two accounts in one network. */
async function fill(test: TestStore) {
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const network = await test.store.write(async (tx) => {
    const wanted = { name: "Home LAN", kind: "mesh", joinVerifier: VERIFIER } as const;
    const made = await createNetwork(tx, test.context, ann.clientId, wanted);
    await joinNetwork(tx, test.context, bob.clientId, "Home LAN", VERIFIER);
    await tx.setAddressPlan(test.plan);
    const operation = test.random.bytes(8);
    await tx.putAnswer({ clientId: ann.clientId, operation, answer: test.random.bytes(9), givenAtMs: 5 }, 0);
    return made;
  });
  return { ann, bob, network };
}

Deno.test("openSqliteStore makes files that only their owner may read, from their first moment on", async () => {
  await using test = await makeTestStore();
  await test.newAccount();
  for (const { name } of Deno.readDirSync(test.folder)) {
    assert.equal(Deno.statSync(`${test.folder}/${name}`).mode! & 0o777, 0o600, name);
  }
});

Deno.test("write undoes everything when its work throws", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  await assert.rejects(
    test.store.write(async (tx) => {
      await tx.updateAccount({ ...ann, nick: "changed" });
      throw new Error("later failure");
    }),
    /later failure/,
  );
  assert.equal((await test.store.read((tx) => tx.account(ann.clientId)))?.nick, "");
});

Deno.test("write lets no other transaction see or disturb one that is under way", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  const append = (letter: string) =>
    test.store.write(async (tx) => {
      const { nick } = (await tx.account(ann.clientId))!;
      await tx.updateAccount({ ...ann, nick: nick + letter });
    });
  await Promise.all([..."abcdef"].map(append));
  assert.equal((await test.store.read((tx) => tx.account(ann.clientId)))?.nick, "abcdef");
});

Deno.test("putAnswer remembers answers for as long as it is told to", async () => {
  await using test = await makeTestStore();
  const { clientId } = await test.newAccount();
  const [operation, answer] = [test.random.bytes(8), test.random.bytes(100)];
  await test.store.write((tx) => tx.putAnswer({ clientId, operation, answer, givenAtMs: 1000 }, 0));
  const look = (sinceMs: number) => test.store.read((tx) => tx.answer(clientId, operation, sinceMs));
  assert.deepEqual(await look(999), answer);
  assert.equal(await look(1000), null);
  await test.store.write((tx) =>
    tx.putAnswer({ clientId, operation: test.random.bytes(8), answer, givenAtMs: 9 }, 1000)
  );
  assert.equal(await look(0), null);
});

/** One change per column that matters, made behind the server's back. */
const FORGERIES = [
  "update accounts set virtual_address = virtual_address + 1",
  "update accounts set nick = 'forged'",
  "update account_keys set public_key = zeroblob(32)",
  "update account_keys set kind = 'ssh-rsa'",
  "update networks set join_verifier = null",
  "update networks set join_verifier = zeroblob(32)",
  "update networks set is_locked = 1",
  "update networks set owner_client_id = (select max(client_id) from memberships where client_id <> owner_client_id)",
  "update networks set capacity = 9999",
  "update memberships set status = 'pending'",
  "update memberships set client_id = 0 - client_id",
  "update memberships set is_online = 1 - is_online",
  "update answers set answer = x'00'",
  "update address_plan set pool_bits = 8",
  "update accounts set checksum = zeroblob(16)",
  "update memberships set checksum = x''",
];

for (const forgery of FORGERIES) {
  Deno.test(`Store never serves a row changed behind its back: ${forgery}`, async () => {
    await using test = await makeTestStore();
    const { ann, bob, network } = await fill(test);
    const [clientIds, networkIds] = [[ann.clientId, bob.clientId], [network.networkId]];
    const before = new Set(await dump(test.store, clientIds, networkIds));
    await test.reopen(() => {
      const database = new DatabaseSync(`${test.folder}/buri.sqlite`);
      database.exec("PRAGMA foreign_keys = OFF");
      database.exec(forgery);
      database.close();
    });
    const after = await dump(test.store, clientIds, networkIds);
    for (const record of after) assert.ok(before.has(record) || record === '"damaged"', record);
    const table = /update (\w+)/.exec(forgery)![1];
    const isHidden = after.includes('"damaged"') || test.damages.length > 0;
    if (table === "answers" || table === "address_plan") await assert.rejects(readBoth(test, ann.clientId));
    else assert.ok(isHidden);
  });
}

async function readBoth(test: TestStore, clientId: number): Promise<void> {
  const database = new DatabaseSync(`${test.folder}/buri.sqlite`, { readOnly: true });
  const [row] = database.prepare("select operation from answers").all() as { operation: Uint8Array }[];
  database.close();
  await test.store.read(async (tx) => {
    await tx.addressPlan();
    await tx.answer(clientId, row!.operation, 0);
  });
}

Deno.test("Store refuses a sound row to which a damaged index led", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  const wanted = { name: "clan1", kind: "mesh", joinVerifier: VERIFIER } as const;
  await test.store.write((tx) => createNetwork(tx, test.context, ann.clientId, wanted));
  assert.equal(await test.store.read((tx) => tx.networkByName("clanl")), null);
  swapNameIndexes(`${test.folder}/buri.sqlite`);
  await assert.rejects(test.store.read((tx) => tx.networkByName("clanl")), { name: "DamagedRowError" });
});

/** Lets what is looked up by name key be found by compare key: the root pages of the two indexes change places. */
function swapNameIndexes(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    const roots = database.prepare("select rootpage from sqlite_master where type = 'index' and tbl_name = 'networks'")
      .all() as { rootpage: number }[];
    const bytes = Deno.readFileSync(path);
    const [a, b] = roots.map(({ rootpage }) => bytes.slice((rootpage - 1) * 4096, rootpage * 4096));
    bytes.set(b!, (roots[0]!.rootpage - 1) * 4096);
    bytes.set(a!, (roots[1]!.rootpage - 1) * 4096);
    Deno.writeFileSync(path, bytes);
    // A commit makes the store's connection forget the pages it has read.
    database.exec("update schema_version set version = version");
  } finally {
    database.close();
  }
}

Deno.test("Store never serves a row in which a bit flipped on the disk", async () => {
  await using test = await makeTestStore();
  const { ann, bob, network } = await fill(test);
  const [clientIds, networkIds] = [[ann.clientId, bob.clientId], [network.networkId]];
  const before = new Set(await dump(test.store, clientIds, networkIds));
  await test.store.close();
  const path = `${test.folder}/buri.sqlite`;
  const sound = Deno.readFileSync(path);
  const random = seededRandom(11);
  const seen = { refusedAtOpen: 0, hidden: 0, unharmed: 0 };
  for (let flip = 0; flip < 150; flip++) {
    const flipped = sound.slice();
    const offset = random.below(flipped.length);
    flipped[offset] = flipped[offset]! ^ (1 << random.below(8));
    Deno.writeFileSync(path, flipped);
    seen[await outcomeOf(test, before, clientIds, networkIds)]++;
  }
  assert.ok(seen.refusedAtOpen > 0 && seen.unharmed > 0, JSON.stringify(seen));
  Deno.writeFileSync(path, sound);
  test.store = await openSqliteStore({ folder: test.folder, checksumKey: CHECKSUM_KEY, onDamage: () => {} });
});

async function outcomeOf(test: TestStore, before: Set<string>, clientIds: number[], networkIds: number[]) {
  let isDamageTold = false;
  const onDamage = () => void (isDamageTold = true);
  let store;
  try {
    store = await openSqliteStore({ folder: test.folder, checksumKey: CHECKSUM_KEY, onDamage });
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return "refusedAtOpen";
  }
  try {
    const after = await dump(store, clientIds, networkIds);
    const foreign = after.filter((record) => !before.has(record) && record !== '"damaged"' && record !== "null");
    assert.deepEqual(foreign, []);
    return isDamageTold || after.length < before.size || after.includes('"damaged"') ? "hidden" : "unharmed";
  } finally {
    await store.close();
  }
}

function isClear(pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof UserError && error.exitCode === 1 && error.hint !== undefined && pattern.test(error.message) &&
    !error.message.includes("\n");
}

/** Breaks the folder of a store, sees how opening it is refused, and mends it. */
async function refusesToOpen(breakFolder: (path: string) => void, message: RegExp): Promise<void> {
  await using test = await makeTestStore();
  const path = `${test.folder}/buri.sqlite`;
  await test.store.close();
  const sound = Deno.readFileSync(path);
  breakFolder(path);
  const open = openSqliteStore({ folder: test.folder, checksumKey: CHECKSUM_KEY, onDamage: () => {} });
  await assert.rejects(open, isClear(message));
  Deno.writeFileSync(path, sound);
  await test.reopen();
}

Deno.test("openSqliteStore says in one line that a file is no database", async () => {
  await refusesToOpen((path) => Deno.writeFileSync(path, new Uint8Array(8192).fill(0x41)), /database is damaged/);
});

Deno.test("openSqliteStore says in one line that a database is cut short", async () => {
  await refusesToOpen((path) => Deno.truncateSync(path, 12288), /database is damaged/);
});

Deno.test("openSqliteStore leaves alone what a newer program wrote", async () => {
  await refusesToOpen((path) => setVersion(path, 99), /version 99/);
});

Deno.test("openSqliteStore says in one line that a folder is missing", async () => {
  const open = openSqliteStore({ folder: "/nonexistent/buri", checksumKey: CHECKSUM_KEY, onDamage: () => {} });
  await assert.rejects(open, isClear(/Cannot use the data folder \/nonexistent\/buri/));
});

function setVersion(path: string, version: number): void {
  const database = new DatabaseSync(path);
  database.exec(`update schema_version set version = ${version}`);
  database.close();
}

Deno.test("Store waits for another program that writes, and then says that it is busy", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  using other = new DatabaseSync(`${test.folder}/buri.sqlite`);
  other.exec("begin immediate");
  const write = () => test.store.write((tx) => tx.updateAccount({ ...ann, nick: "after" }));
  await assert.rejects(write(), StoreBusyError);
  other.exec("rollback");
  await write();
});

Deno.test(
  needs("Store on a full disk refuses writes and says so once, reads on, and recovers", "linux", "root"),
  async () => {
    const disk = Deno.makeTempDirSync({ prefix: "buri-full-" });
    run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", disk);
    try {
      Deno.mkdirSync(`${disk}/data`);
      const told: (string | null)[] = [];
      const onUnwritable = (problem: Error | null) => void told.push(problem?.message ?? null);
      await using test = await makeTestStore(1, `${disk}/data`, onUnwritable);
      const ann = await test.newAccount();
      fillDisk(`${disk}/filler`);
      const refused = await writeUntilRefused(test);
      assert.match(refused.message, /disk is full/);
      await writeUntilRefused(test);
      assert.deepEqual(told, [refused.message], "once, however often it is tried");
      assert.deepEqual(await test.store.read((tx) => tx.account(ann.clientId)), ann);
      Deno.removeSync(`${disk}/filler`);
      await test.store.write((tx) => tx.updateAccount({ ...ann, nick: "after" }));
      assert.equal((await test.store.read((tx) => tx.account(ann.clientId)))?.nick, "after");
      assert.deepEqual(told, [refused.message, null]);
    } finally {
      run("umount", disk);
      Deno.removeSync(disk);
    }
  },
);

async function writeUntilRefused(test: TestStore): Promise<StoreUnwritableError> {
  for (let tries = 0; tries < 500; tries++) {
    try {
      await test.newAccount();
    } catch (error) {
      assert.ok(error instanceof StoreUnwritableError, String(error));
      return error;
    }
  }
  throw new Error("the disk did not get full");
}
