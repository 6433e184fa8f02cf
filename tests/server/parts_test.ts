import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { UserError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { giveDataFolder, lockDataFolder, readOrMakeFile, replacePrivateFile } from "../../src/server/data_folder.ts";
import { Rendezvous } from "../../src/server/rendezvous.ts";
import { RowChecksum } from "../../src/server/row_checksum.ts";
import { migrate, type SqlRow } from "../../src/server/schema.ts";
import { SendQueue } from "../../src/server/send_queue.ts";
import { Turns } from "../../src/server/turns.ts";
import { needs } from "../support/needs.ts";

const [ann, bob, eve] = [{ clientId: 1 }, { clientId: 2 }, { clientId: 3 }] as const;

Deno.test("Rendezvous gives each end its own SPI, and finds a tunnel for its owner only", () => {
  const rendezvous = new Rendezvous<{ clientId: number }>(seededRandom(1));
  const [a, b] = rendezvous.pair(ann, bob, 0, false).ends;
  assert.deepEqual(rendezvous.find(1, a.localSpi), [a, b]);
  assert.deepEqual(rendezvous.find(2, b.localSpi), [b, a]);
  for (const [clientId, spi] of [[2, a.localSpi], [3, a.localSpi], [1, 256]] as const) {
    assert.equal(rendezvous.find(clientId, spi), null);
  }
});

Deno.test("Rendezvous repeats a pair for 5 s to the same two logins, and to others never", () => {
  const rendezvous = new Rendezvous<{ clientId: number }>(seededRandom(2));
  const first = rendezvous.pair(ann, bob, 0, false);
  assert.equal(rendezvous.pair(bob, ann, 4999, false), first);
  assert.notEqual(rendezvous.pair({ clientId: 1 }, bob, 4999, false), first);
  const second = rendezvous.pair(ann, bob, 10_000, false);
  assert.notEqual(rendezvous.pair(ann, bob, 15_000, false), second);
});

Deno.test("Rendezvous keeps the pair in use beside the new one, and no more", () => {
  const rendezvous = new Rendezvous<{ clientId: number }>(seededRandom(3));
  const pairs = [0, 1, 2].map((time) => rendezvous.pair(ann, bob, time, true));
  assert.deepEqual(pairs.map(({ ends }) => rendezvous.find(1, ends[0].localSpi) !== null), [false, true, true]);
  assert.equal(rendezvous.spiCount, 4);
  assert.equal(rendezvous.end(2, 1).length, 2);
  assert.equal(rendezvous.spiCount, 0);
  assert.deepEqual([rendezvous.peersOf(1), rendezvous.peersOf(2)], [[], []]);
});

Deno.test("Rendezvous never draws a reserved SPI or one that is in use", () => {
  const few = { ...seededRandom(4), u32: () => [0, 255, 256, 256, 256, 300, 300, 256, 257, 258][count++]! };
  let count = 0;
  const rendezvous = new Rendezvous<{ clientId: number }>(few);
  const spis = [...rendezvous.pair(ann, bob, 0, false).ends, ...rendezvous.pair(ann, eve, 0, false).ends];
  assert.equal(new Set(spis.map(({ localSpi }) => localSpi)).size, 4);
  assert.ok(spis.every(({ localSpi }) => localSpi >= 256));
});

Deno.test("RowChecksum tells tables, columns, types and values apart", () => {
  const checksum = new RowChecksum(new Uint8Array(32));
  const rows: [string, Record<string, number | string | Uint8Array | null>][] = [
    ["t", { a: 1 }],
    ["u", { a: 1 }],
    ["t", { b: 1 }],
    ["t", { a: 2 }],
    ["t", { a: "1" }],
    ["t", { a: null }],
    ["t", { a: "null" }],
    ["t", { a: NaN }],
    ["t", { a: Infinity }],
    ["t", { a: Uint8Array.of(1) }],
    ["t", { a: "01" }],
    ["t", { a: 1, b: null }],
    ["t", { a: '","b' }],
  ];
  assert.equal(new Set(rows.map(([table, row]) => checksum.of(table, row).toHex())).size, rows.length);
  assert.ok(checksum.holds("t", { b: 2, a: 1 }, checksum.of("t", { a: 1, b: 2 })));
  const otherKey = new RowChecksum(new Uint8Array(32).fill(1));
  assert.ok(!otherKey.holds("t", { a: 1 }, checksum.of("t", { a: 1 })));
  for (const wrong of [null, "text", new Uint8Array(), new Uint8Array(16)]) {
    assert.ok(!checksum.holds("t", { a: 1 }, wrong));
  }
});

Deno.test("migrate leaves nothing behind wherever it is interrupted", () => {
  for (let statement = 0;; statement++) {
    const database = new DatabaseSync(":memory:");
    const isDone = runUntil(database, statement);
    const tables = database.prepare("select count(*) as count from sqlite_master").get() as { count: number };
    database.close();
    if (isDone) {
      assert.ok(tables.count > 0 && statement > 8);
      return;
    }
    assert.equal(tables.count, 0);
  }
});

/** Migrates within a transaction in which the statement of this number fails; whether it came to the end before. */
function runUntil(database: DatabaseSync, last: number): boolean {
  let count = 0;
  database.exec("begin");
  try {
    migrate((sql, ...values) => {
      if (count++ === last) throw new Error("interrupted");
      return database.prepare(sql).all(...values) as SqlRow[];
    }, new RowChecksum(new Uint8Array(32)));
    database.exec("commit");
    return true;
  } catch {
    database.exec("rollback");
    return false;
  }
}

Deno.test("Turns go on after one that failed", async () => {
  const turns = new Turns();
  const order: number[] = [];
  const slow = turns.take(async () => {
    await Promise.resolve();
    order.push(1);
    throw new Error("first");
  });
  const next = turns.take(() => Promise.resolve(order.push(2)));
  await assert.rejects(slow, /first/);
  await next;
  assert.deepEqual(order, [1, 2]);
});

/** A sink that takes a write when it is told to. */
function slowSink() {
  const written: number[] = [];
  let release = () => {};
  const write = async (bytes: Uint8Array) => {
    await new Promise<void>((resolve) => release = resolve);
    written.push(bytes.length);
  };
  return { written, write, take: () => release() };
}

async function turn(): Promise<void> {
  for (let round = 0; round < 10; round++) await Promise.resolve();
}

Deno.test("SendQueue sends small frames together, in their order", async () => {
  const sink = slowSink();
  const queue = new SendQueue(sink, () => assert.fail("the queue failed"));
  queue.push(new Uint8Array(10));
  queue.push(new Uint8Array(20));
  await turn();
  queue.push(new Uint8Array(5));
  sink.take();
  await turn();
  sink.take();
  await queue.drained();
  assert.deepEqual(sink.written, [30, 5]);
});

Deno.test("SendQueue fails once when more than 256 KiB wait, besides a snapshot", async () => {
  const sink = slowSink();
  const failures: string[] = [];
  const queue = new SendQueue(sink, (reason) => failures.push(reason));
  queue.beginSnapshot();
  for (let count = 0; count < 20; count++) queue.push(new Uint8Array(65536));
  queue.endSnapshot();
  for (let count = 0; count < 4; count++) queue.push(new Uint8Array(65536));
  await turn();
  assert.deepEqual(failures, []);
  queue.push(new Uint8Array(1));
  queue.push(new Uint8Array(1));
  assert.deepEqual(failures, ["too much is waiting to be sent"]);
  sink.take();
  await queue.drained();
});

Deno.test("SendQueue counts again what is pushed behind a snapshot that was sent", async () => {
  const failures: string[] = [];
  const queue = new SendQueue({ write: () => Promise.resolve() }, (reason) => failures.push(reason));
  queue.beginSnapshot();
  for (let count = 0; count < 20; count++) queue.push(new Uint8Array(65536));
  queue.endSnapshot();
  await queue.drained();
  for (let count = 0; count < 5; count++) queue.push(new Uint8Array(65536));
  assert.equal(failures.length, 1);
  await queue.drained();
});

function makeFolder(): string {
  return Deno.makeTempDirSync({ prefix: "buri-folder-" });
}

Deno.test("readOrMakeFile gives all who ask at once the same content", async () => {
  const folder = makeFolder();
  const random = seededRandom(5);
  const make = () => readOrMakeFile(folder, "key", () => Promise.resolve(random.bytes(32)));
  const keys = await Promise.all([make(), make(), make()]);
  assert.equal(new Set(keys.map((key) => key.toHex())).size, 1);
  assert.deepEqual(await make(), keys[0]);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["key"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("replacePrivateFile leaves one file, readable by its owner only", () => {
  const folder = makeFolder();
  for (const text of ["one", "two"]) replacePrivateFile(folder, "listen", new TextEncoder().encode(text));
  assert.equal(Deno.readTextFileSync(`${folder}/listen`), "two");
  assert.equal(Deno.statSync(`${folder}/listen`).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["listen"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("lockDataFolder lets one in at a time", () => {
  const folder = makeFolder();
  const release = lockDataFolder(folder);
  assert.throws(
    () => lockDataFolder(folder),
    (error) => error instanceof UserError && /another server/.test(error.message),
  );
  release();
  lockDataFolder(folder)();
  Deno.removeSync(folder, { recursive: true });
});

Deno.test(
  needs("giveDataFolder gives the folder and its files, and nothing that a link points to", "linux", "root"),
  () => {
    const [folder, elsewhere] = [makeFolder(), makeFolder()];
    for (const path of [`${folder}/key`, `${elsewhere}/a`, `${elsewhere}/b`]) Deno.writeTextFileSync(path, "");
    Deno.symlinkSync(`${elsewhere}/a`, `${folder}/symbolic`);
    Deno.linkSync(`${elsewhere}/b`, `${folder}/hard`);
    giveDataFolder(folder, { uid: 65534, gid: 65534 });
    const owners = [folder, `${folder}/key`, `${elsewhere}/a`, `${elsewhere}/b`].map((path) => Deno.statSync(path).uid);
    assert.deepEqual(owners, [65534, 65534, 0, 0]);
    for (const path of [folder, elsewhere]) Deno.removeSync(path, { recursive: true });
  },
);
