import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { createNetwork } from "../../src/server/registry.ts";
import type { Store } from "../../src/server/store.ts";
import { openSqliteStore } from "../../src/server/store_sqlite.ts";
import { CHECKSUM_KEY, makeTestStore, type TestStore } from "./store_support.ts";

const KILL_COUNT = 20;
/** Numbers of one child's transactions start at a multiple of this. */
const STRIDE = 100_000;

Deno.test("Store keeps every acknowledged transaction, whole, over 20 kills under load", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "buri-crash-" });
  const random = seededRandom(20);
  const acknowledged: number[] = [];
  for (let kill = 0; kill < KILL_COUNT; kill++) {
    acknowledged.push(...await writeUntilKilled(folder, kill * STRIDE, 1 + random.below(25)));
    await checkStore(folder, acknowledged, kill * STRIDE);
  }
  assert.ok(acknowledged.length >= KILL_COUNT * 5, `${acknowledged.length} transactions`);
  Deno.removeSync(folder, { recursive: true });
});

/** Lets a child write, kills it soon after its n-th acknowledgement, and gives back all acknowledged numbers. */
async function writeUntilKilled(folder: string, first: number, n: number): Promise<number[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", new URL("crash_child.ts", import.meta.url).pathname, folder, String(first)],
    stdout: "piped",
  }).spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (text.split("\n").length > n) killQuietly(child);
  }
  await child.status;
  return text.split("\n").slice(0, -1).map(Number);
}

function killQuietly(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // The lines after the first kill are read here too.
    if (!(error instanceof TypeError)) throw error;
  }
}

async function checkStore(folder: string, acknowledged: number[], lastFirst: number): Promise<void> {
  const startedAt = performance.now();
  const damages: unknown[] = [];
  const store = await openSqliteStore({ folder, checksumKey: CHECKSUM_KEY, onDamage: (error) => damages.push(error) });
  assert.ok(performance.now() - startedAt < 2000);
  for (const number of acknowledged) assert.ok(await isWhole(store, number), `network ${number} is lost`);
  const next = Math.max(lastFirst - 1, ...acknowledged) + 1;
  await isWhole(store, next);
  assert.deepEqual(damages, []);
  await store.close();
}

/** Whether a child's transaction is there; half of it must not be. */
async function isWhole(store: Store, number: number): Promise<boolean> {
  return await store.read(async (tx) => {
    const network = await tx.networkByName(`network ${number}`);
    if (network === null) return false;
    const members = await tx.membersOf(network.networkId);
    assert.equal(members.length, 2, `network ${number} is half there`);
    const owner = members.find(({ clientId }) => clientId === network.ownerClientId);
    assert.equal(owner?.account.nick, `owner of ${network.networkId}`);
    return true;
  });
}

const TRANSACTION_COUNT = 24;

/** A store's files as they were on the disk after each of a row of transactions. */
interface Recording {
  database: Uint8Array;
  log: Uint8Array;
  /** Length of the log when transaction n was acknowledged. */
  lengths: number[];
}

Deno.test("Store comes back with a prefix of its transactions wherever its log is cut", async () => {
  await using test = await makeTestStore();
  const recording = await record(test);
  const random = seededRandom(21);
  const folder = Deno.makeTempDirSync({ prefix: "buri-cut-" });
  let cutCount = 0;
  for (let cut = 0; cut <= recording.log.length; cut += 2048 + random.below(4096)) {
    Deno.writeFileSync(`${folder}/buri.sqlite`, recording.database);
    const garbage = random.bytes(random.below(2) * 512);
    Deno.writeFileSync(`${folder}/buri.sqlite-wal`, damaged(recording.log.subarray(0, cut), garbage));
    const present = await countPresent(folder);
    const promised = recording.lengths.filter((length) => length <= cut - garbage.length).length;
    assert.ok(present >= promised, `cut at ${cut}: ${present} of ${promised} transactions`);
    cutCount++;
  }
  assert.ok(cutCount >= 50, `${cutCount} cuts`);
  Deno.removeSync(folder, { recursive: true });
});

async function record(test: TestStore): Promise<Recording> {
  const path = `${test.folder}/buri.sqlite`;
  const owner = await test.newAccount();
  await test.reopen();
  const database = Deno.readFileSync(path);
  const lengths: number[] = [];
  for (let number = 0; number < TRANSACTION_COUNT; number++) {
    await test.store.write(async (tx) => {
      const wanted = { name: `network ${number}`, kind: "mesh", joinVerifier: null } as const;
      await createNetwork(tx, test.context, owner.clientId, wanted);
      await tx.updateAccount({ ...owner, nick: `owner of ${number}` });
    });
    lengths.push(Deno.statSync(`${path}-wal`).size);
  }
  return { database, log: Deno.readFileSync(`${path}-wal`), lengths };
}

/** A power cut leaves the end of what was being written as it pleases. */
function damaged(log: Uint8Array, garbage: Uint8Array): Uint8Array {
  const bytes = log.slice();
  if (garbage.length <= bytes.length) bytes.set(garbage, bytes.length - garbage.length);
  return bytes;
}

/** How many transactions the store has; they must be the first ones, and the owner's nick that of the last. */
async function countPresent(folder: string): Promise<number> {
  const store = await openSqliteStore({ folder, checksumKey: CHECKSUM_KEY, onDamage: (error) => assert.fail(error) });
  try {
    return await store.read(async (tx) => {
      const present = [];
      for (let number = 0; number < TRANSACTION_COUNT; number++) {
        present.push(await tx.networkByName(`network ${number}`));
      }
      const count = present.filter((network) => network !== null).length;
      assert.ok(present.slice(0, count).every((network) => network !== null), "a transaction in the middle is missing");
      if (count > 0) {
        const owner = await tx.account(present[0]!.ownerClientId);
        assert.equal(owner?.nick, `owner of ${count - 1}`);
      }
      return count;
    });
  } finally {
    await store.close();
  }
}
