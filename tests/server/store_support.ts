import { silentLogger } from "../../src/base/log.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { AddressPlan } from "../../src/server/address_pool.ts";
import { drawAddressPlan } from "../../src/server/address_pool.ts";
import { POLICIES } from "../../src/server/plans.ts";
import type { AccountPublicKey } from "../../src/server/keys.ts";
import { register, type RegistryContext } from "../../src/server/registry.ts";
import type { Account, DamagedRowError, Store, StoreTransaction } from "../../src/server/store.ts";
import { openSqliteStore } from "../../src/server/store_sqlite.ts";

export const CHECKSUM_KEY: Uint8Array = new Uint8Array(32).fill(7);
export const log = silentLogger;

/** A store in a folder of its own, and what a test needs around it. */
export interface TestStore extends AsyncDisposable {
  folder: string;
  store: Store;
  random: Random;
  plan: AddressPlan;
  context: RegistryContext;
  damages: DamagedRowError[];
  /** Closes the store, lets `between` do its worst, and opens it again. */
  reopen(between?: () => void): Promise<void>;
  /** Registers a new account. */
  newAccount(): Promise<Account>;
}

export async function makeTestStore(
  seed = 1,
  folder = Deno.makeTempDirSync({ prefix: "buri-store-" }),
  onUnwritable: (problem: Error | null) => void = () => {},
): Promise<TestStore> {
  const random = seededRandom(seed);
  const plan = drawAddressPlan(random, null);
  const damages: DamagedRowError[] = [];
  const onDamage = (error: DamagedRowError) => void damages.push(error);
  const open = () => openSqliteStore({ folder, checksumKey: CHECKSUM_KEY, onDamage, onUnwritable });
  const test: TestStore = {
    folder,
    random,
    plan,
    damages,
    store: await open(),
    context: { random, nowMs: 1_700_000_000_000, policy: POLICIES.open },
    async reopen(between = () => {}) {
      await test.store.close().catch(() => {});
      between();
      test.store = await open();
    },
    newAccount: () => test.store.write((tx) => register(tx, test.context, plan, "", [randomKey(random)])),
    async [Symbol.asyncDispose]() {
      await test.store.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
  return test;
}

export function randomKey(random: Random): AccountPublicKey {
  return { kind: "ed25519", publicKey: random.bytes(32) };
}

/** What every account, key, network and membership of the store says, as text: for comparing two states. */
export async function dump(
  store: Store,
  clientIds: readonly number[],
  networkIds: readonly number[],
): Promise<string[]> {
  return await store.read(async (tx) => {
    const found: unknown[] = [];
    for (const id of clientIds) found.push(await orDamaged(() => tx.account(id)), await tx.keysOf(id));
    for (const id of networkIds) found.push(await orDamaged(() => tx.network(id)), await tx.membersOf(id));
    return found.flat().map((record) => JSON.stringify(record));
  });
}

async function orDamaged<T>(look: () => Promise<T>): Promise<T | "damaged"> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Error && error.name === "DamagedRowError") return "damaged";
    throw error;
  }
}

export type { StoreTransaction };
