/**
 * What an operator does to accounts, beside a server that runs or while none does: through its database, on whose changes by
 * others a running server looks every second (`plan_changes.ts`).
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { formatIpv4 } from "../base/ip.ts";
import { DATABASE_FILE, readPrivateFile } from "./data_folder.ts";
import type { PlanName } from "./store.ts";
import { openSqliteStore } from "./store_sqlite.ts";

/** An account as its operator sees it. */
export interface AccountInfo {
  /** 1 to 999,999,999. */
  clientId: number;
  /** May be empty. */
  nick: string;
  /** Virtual IPv4 address. */
  address4: string;
  /** Its plan. */
  plan: PlanName;
  /** Networks it is in. */
  networkCount: number;
}

/**
 * Shows an account, after it was given another plan where one is named.
 *
 * @throws {UserError} when the folder is no server's, or has no such account
 */
export async function showAccount(dataDir: string, clientId: number, plan?: PlanName): Promise<AccountInfo> {
  const checksumKey = readPrivateFile(dataDir, "checksum.key");
  if (checksumKey === null || !hasDatabase(dataDir)) {
    throw new UserError(`Cannot find accounts in ${dataDir}: no server has run with this data folder`, {
      hint: "Name the folder that `buri server --data` names.",
    });
  }
  const store = await openSqliteStore({ folder: dataDir, checksumKey, onDamage: () => {} });
  try {
    return await store.write(async (transaction) => {
      const account = await transaction.account(clientId);
      if (account === null) throw new UserError("Cannot find the account: there is none with this client id");
      const changed = { ...account, plan: plan ?? account.plan };
      if (changed.plan !== account.plan) await transaction.updateAccount(changed);
      const networkCount = (await transaction.membershipsOf(clientId)).length;
      const { nick, virtualAddress } = changed;
      return { clientId, nick, address4: formatIpv4(virtualAddress), plan: changed.plan, networkCount };
    });
  } finally {
    await store.close();
  }
}

function hasDatabase(dataDir: string): boolean {
  try {
    return Deno.statSync(`${dataDir}/${DATABASE_FILE}`).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
