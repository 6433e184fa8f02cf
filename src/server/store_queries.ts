import { Kysely, SqliteDialect } from "kysely";
import { equalBytes } from "../base/bytes.ts";
import type { AddressPlan } from "./address_pool.ts";
import { nameKey } from "../protocol/mod.ts";
import { compareKeyOf } from "./names.ts";
import type { ColumnValue, Row, RowChecksum } from "./row_checksum.ts";
import type {
  Account,
  AccountKey,
  Announcement,
  Answer,
  Ban,
  Invite,
  Member,
  Membership,
  Network,
  StoredMessage,
  StoreTransaction,
} from "./store.ts";
import { DamagedRowError } from "./store.ts";
import {
  fromAccount,
  fromAnnouncement,
  fromBan,
  fromInvite,
  fromKey,
  fromMembership,
  fromMessage,
  fromNetwork,
  type NetworkRow,
  type Schema,
  toAccount,
  toAnnouncement,
  toBan,
  toInvite,
  toKey,
  toMembership,
  toMessage,
  toNetwork,
} from "./store_rows.ts";

type Table = keyof Schema;
type Fields<T extends Table> = Schema[T];
type Stored<T extends Table> = Schema[T] & { checksum: Uint8Array };
type StoredSchema = { [T in Table]: Stored<T> };

/** A compiled statement. */
export interface SqlStatement {
  /** Whether it gives rows. */
  readonly reader: boolean;
  /** Its rows. */
  all(values: readonly unknown[]): unknown[];
  /** Runs one that gives none. */
  run(values: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  /** Its rows, one by one. */
  iterate(values: readonly unknown[]): IterableIterator<unknown>;
}

/** A connection to a database that speaks SQLite's SQL. */
export interface SqlConnection {
  /** Compiles one statement. */
  prepare(sql: string): SqlStatement;
  /** Ends the connection. */
  close(): void;
}

/**
 * The queries of a transaction that somebody else begins and ends on `connection`. `onDamage` is told of each row that a
 * list left out. Only the dialect named here would differ for PostgreSQL.
 */
export function sqlTransaction(
  connection: SqlConnection,
  checksum: RowChecksum,
  onDamage: (error: DamagedRowError) => void,
): StoreTransaction {
  const dialect = new SqliteDialect({ database: connection });
  return new SqlTransaction(new Kysely<StoredSchema>({ dialect }), checksum, onDamage);
}

class SqlTransaction implements StoreTransaction {
  readonly #db: Kysely<StoredSchema>;
  readonly #checksum: RowChecksum;
  readonly #onDamage: (error: DamagedRowError) => void;

  constructor(db: Kysely<StoredSchema>, checksum: RowChecksum, onDamage: (error: DamagedRowError) => void) {
    this.#db = db;
    this.#checksum = checksum;
    this.#onDamage = onDamage;
  }

  async account(clientId: number): Promise<Account | null> {
    return convert(await this.#find("accounts", { client_id: clientId }), toAccount);
  }

  async accountByAddress(virtualAddress: number): Promise<Account | null> {
    return convert(await this.#find("accounts", { virtual_address: virtualAddress }), toAccount);
  }

  async insertAccount(account: Account, keys: readonly AccountKey[]): Promise<void> {
    await this.#db.deleteFrom("freed_addresses").where("virtual_address", "=", account.virtualAddress).execute();
    await this.#insert("accounts", fromAccount(account));
    for (const key of keys) await this.insertKey(key);
  }

  async updateAccount(account: Account): Promise<void> {
    await this.#db.updateTable("accounts").set(this.#sealed("accounts", fromAccount(account)))
      .where("client_id", "=", account.clientId).execute();
  }

  async key(fingerprint: Uint8Array): Promise<AccountKey | null> {
    return convert(await this.#find("account_keys", { fingerprint }), toKey);
  }

  async keysOf(clientId: number): Promise<AccountKey[]> {
    return (await this.#list("account_keys", { client_id: clientId })).map(toKey);
  }

  async insertKey(key: AccountKey): Promise<void> {
    await this.#insert("account_keys", fromKey(key));
  }

  async hasAccounts(): Promise<boolean> {
    return await this.#db.selectFrom("accounts").select("client_id").limit(1).executeTakeFirst() !== undefined;
  }

  async deleteAccount(account: Account, freedAtMs: number): Promise<void> {
    await this.#db.deleteFrom("accounts").where("client_id", "=", account.clientId).execute();
    await this.#insert("freed_addresses", { virtual_address: account.virtualAddress, freed_at_ms: freedAtMs });
  }

  async isAddressTaken(virtualAddress: number, freedAfterMs: number): Promise<boolean> {
    return (await this.takenAddresses(virtualAddress, virtualAddress, freedAfterMs)).size > 0;
  }

  /** Needs no checksums: a damaged row can only take one more address out of use. */
  async takenAddresses(first: number, last: number, freedAfterMs: number): Promise<ReadonlySet<number>> {
    const rows = await this.#db.selectFrom("accounts").select("virtual_address")
      .where("virtual_address", ">=", first).where("virtual_address", "<=", last)
      .unionAll(
        this.#db.selectFrom("freed_addresses").select("virtual_address").where("freed_at_ms", ">", freedAfterMs)
          .where("virtual_address", ">=", first).where("virtual_address", "<=", last),
      ).execute();
    return new Set(rows.map((row) => row.virtual_address));
  }

  async addressPlan(): Promise<AddressPlan | null> {
    const row = await this.#find("address_plan", { id: 1 });
    return row === null ? null : { pool: { base: row.pool_base, bits: row.pool_bits }, prefix6: row.prefix6 };
  }

  async setAddressPlan({ pool, prefix6 }: AddressPlan): Promise<void> {
    await this.#db.deleteFrom("address_plan").execute();
    await this.#insert("address_plan", { id: 1, pool_base: pool.base, pool_bits: pool.bits, prefix6 });
  }

  async network(networkId: number): Promise<Network | null> {
    return await this.#withOwner(await this.#find("networks", { network_id: networkId }));
  }

  async networkByName(name: string): Promise<Network | null> {
    return await this.#withOwner(await this.#find("networks", { name_key: nameKey(name) }));
  }

  async isNameTaken(name: string): Promise<boolean> {
    const keys = { name_key: nameKey(name), compare_key: compareKeyOf(name) };
    const row = await this.#db.selectFrom("networks").select("network_id").where((where) =>
      where.or([where("name_key", "=", keys.name_key), where("compare_key", "=", keys.compare_key)])
    ).executeTakeFirst();
    return row !== undefined;
  }

  async insertNetwork(network: Network): Promise<void> {
    await this.#insert("networks", fromNetwork(network));
  }

  async updateNetwork(network: Network): Promise<void> {
    await this.#db.updateTable("networks").set(this.#sealed("networks", fromNetwork(network)))
      .where("network_id", "=", network.networkId).execute();
  }

  async deleteNetwork(networkId: number): Promise<void> {
    await this.#db.deleteFrom("networks").where("network_id", "=", networkId).execute();
  }

  async membership(networkId: number, clientId: number): Promise<Membership | null> {
    return convert(await this.#find("memberships", { network_id: networkId, client_id: clientId }), toMembership);
  }

  async membersOf(networkId: number): Promise<Member[]> {
    const memberships = (await this.#list("memberships", { network_id: networkId })).map(toMembership)
      .toSorted((a, b) => a.joinedAtMs - b.joinedAtMs);
    const accounts = await this.#accountsIn(networkId);
    return memberships.flatMap((membership) => {
      const account = accounts.get(membership.clientId);
      return account === undefined ? [] : [{ ...membership, account }];
    });
  }

  async countMembers(networkId: number): Promise<number> {
    const { count } = await this.#db.selectFrom("memberships").where("network_id", "=", networkId)
      .select((select) => select.fn.countAll().as("count")).executeTakeFirstOrThrow();
    return Number(count);
  }

  async membershipsOf(clientId: number): Promise<Membership[]> {
    return (await this.#list("memberships", { client_id: clientId })).map(toMembership);
  }

  async putMembership(membership: Membership): Promise<void> {
    await this.deleteMembership(membership.networkId, membership.clientId);
    await this.#insert("memberships", fromMembership(membership));
  }

  async deleteMembership(networkId: number, clientId: number): Promise<void> {
    await this.#db.deleteFrom("memberships").where("network_id", "=", networkId).where("client_id", "=", clientId)
      .execute();
  }

  async ban(networkId: number, clientId: number, fingerprints: readonly Uint8Array[]): Promise<Ban | null> {
    const own = await this.#find("bans", { network_id: networkId, client_id: clientId });
    if (own !== null) return toBan(own);
    for (const fingerprint of fingerprints) {
      const key = await this.#find("banned_keys", { network_id: networkId, fingerprint });
      if (key === null) continue;
      return convert(await this.#find("bans", { network_id: networkId, client_id: key.client_id }), toBan);
    }
    return null;
  }

  async bansOf(networkId: number): Promise<Ban[]> {
    const wanted = { network_id: networkId };
    return (await this.#select("bans", wanted)).map((row) => toBan(this.#verified("bans", row, wanted)));
  }

  async putBan(ban: Ban, fingerprints: readonly Uint8Array[]): Promise<void> {
    const { networkId, clientId } = ban;
    await this.deleteBan(networkId, clientId);
    await this.#insert("bans", fromBan(ban));
    for (const fingerprint of fingerprints) {
      const key = { network_id: networkId, fingerprint };
      await this.#db.deleteFrom("banned_keys").where((where) => where.and(key)).execute();
      await this.#insert("banned_keys", { ...key, client_id: clientId });
    }
  }

  async deleteBan(networkId: number, clientId: number): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom("bans").where("network_id", "=", networkId)
      .where("client_id", "=", clientId).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }

  async invite(networkId: number, verifier: Uint8Array): Promise<Invite | null> {
    return convert(await this.#find("invites", { network_id: networkId, verifier }), toInvite);
  }

  async invitesOf(networkId: number): Promise<Invite[]> {
    return (await this.#select("invites", { network_id: networkId })).map(toInvite);
  }

  async putInvite(invite: Invite): Promise<void> {
    const { networkId, verifier, usesLeft } = invite;
    await this.#db.deleteFrom("invites").where("network_id", "=", networkId).where("verifier", "=", verifier).execute();
    if (usesLeft > 0) await this.#insert("invites", fromInvite(invite));
  }

  async deleteInvites(networkId: number): Promise<void> {
    await this.#db.deleteFrom("invites").where("network_id", "=", networkId).execute();
  }

  async deleteExpiredInvites(networkId: number, nowMs: number): Promise<void> {
    await this.#db.deleteFrom("invites").where("network_id", "=", networkId).where("expires_at_ms", ">", 0)
      .where("expires_at_ms", "<=", nowMs).execute();
  }

  async announcementsOf(networkId: number, afterMs: number): Promise<Announcement[]> {
    const rows = await this.#db.selectFrom("announcements").selectAll().where("network_id", "=", networkId)
      .where("sent_at_ms", ">", afterMs).orderBy("sent_at_ms").execute();
    return this.#trusted("announcements", rows, { network_id: networkId }).map(toAnnouncement);
  }

  async insertAnnouncement(announcement: Announcement): Promise<void> {
    await this.#insert("announcements", fromAnnouncement(announcement));
  }

  async deleteAnnouncements(networkId: number, untilMs: number): Promise<void> {
    await this.#db.deleteFrom("announcements").where("network_id", "=", networkId)
      .where("sent_at_ms", "<=", untilMs).execute();
  }

  async messageKey(clientId: number): Promise<Uint8Array | null> {
    return convert(await this.#find("message_keys", { client_id: clientId }), (row) => row.message_key);
  }

  async putMessageKey(clientId: number, key: Uint8Array): Promise<void> {
    await this.#db.deleteFrom("message_keys").where("client_id", "=", clientId).execute();
    await this.#insert("message_keys", { client_id: clientId, message_key: key });
  }

  async messagesFor(receiverId: number): Promise<StoredMessage[]> {
    const rows = await this.#db.selectFrom("messages").selectAll().where("receiver_id", "=", receiverId)
      .orderBy("sent_at_ms").execute();
    return this.#trusted("messages", rows, { receiver_id: receiverId }).map(toMessage);
  }

  /** Needs no checksums: a damaged row can only make room scarcer. */
  async messageUse(receiverId: number): Promise<{ count: number; bytes: number; lastAtMs: number }> {
    const rows = await this.#db.selectFrom("messages").where("receiver_id", "=", receiverId).select((select) => [
      "sent_at_ms",
      select.fn<number>("length", ["sealed"]).as("length"),
    ]).execute();
    return {
      count: rows.length,
      bytes: rows.reduce((sum, { length }) => sum + Number(length), 0),
      lastAtMs: Math.max(0, ...rows.map((row) => row.sent_at_ms)),
    };
  }

  async hasMessage(message: Pick<StoredMessage, "receiverId" | "senderId" | "messageId">): Promise<boolean> {
    return await this.#find("messages", messageName(message)) !== null;
  }

  async insertMessage(message: StoredMessage): Promise<void> {
    await this.#insert("messages", fromMessage(message));
  }

  async deleteMessage(message: Pick<StoredMessage, "receiverId" | "senderId" | "messageId">): Promise<void> {
    await this.#db.deleteFrom("messages").where((where) => where.and(messageName(message))).execute();
  }

  async deleteMessages(receiverId: number, untilMs: number): Promise<void> {
    await this.#db.deleteFrom("messages").where("receiver_id", "=", receiverId).where("sent_at_ms", "<=", untilMs)
      .execute();
  }

  async answer(clientId: number, operation: Uint8Array, rememberedSinceMs: number): Promise<Uint8Array | null> {
    const row = await this.#find("answers", { client_id: clientId, operation });
    return row === null || row.given_at_ms <= rememberedSinceMs ? null : row.answer;
  }

  async putAnswer({ clientId, operation, answer, givenAtMs }: Answer, rememberedSinceMs: number): Promise<void> {
    await this.#db.deleteFrom("answers").where("given_at_ms", "<=", rememberedSinceMs).execute();
    await this.#insert("answers", { client_id: clientId, operation, answer, given_at_ms: givenAtMs });
  }

  async #withOwner(row: NetworkRow | null): Promise<Network | null> {
    if (row === null) return null;
    const owner = await this.#find("accounts", { client_id: row.owner_client_id });
    return toNetwork(row, owner === null ? "free" : toAccount(owner).plan);
  }

  /** One query for the accounts of all members. */
  async #accountsIn(networkId: number): Promise<Map<number, Account>> {
    const rows = await this.#db.selectFrom("accounts").selectAll().where(
      "client_id",
      "in",
      (select) => select.selectFrom("memberships").select("client_id").where("network_id", "=", networkId),
    ).execute();
    return new Map(this.#trusted("accounts", rows, {}).map((row) => [row.client_id, toAccount(row)]));
  }

  async #insert<T extends Table>(table: T, fields: Fields<T>): Promise<void> {
    // The table is a parameter here, so its columns cannot be checked by the query builder; `Fields<T>` has done so.
    await this.#db.insertInto(table as "accounts").values(this.#sealed(table, fields) as never).execute();
  }

  async #select<T extends Table>(table: T, wanted: Partial<Fields<T>>): Promise<Stored<T>[]> {
    const rows = await this.#db.selectFrom(table as "accounts").selectAll()
      .where((where) => where.and(wanted as Partial<Fields<"accounts">>)).execute();
    return rows as unknown as Stored<T>[];
  }

  async #find<T extends Table>(table: T, wanted: Partial<Fields<T>>): Promise<Fields<T> | null> {
    const [row] = await this.#select(table, wanted);
    return row === undefined ? null : this.#verified(table, row, wanted);
  }

  async #list<T extends Table>(table: T, wanted: Partial<Fields<T>>): Promise<Fields<T>[]> {
    return this.#trusted(table, await this.#select(table, wanted), wanted);
  }

  #trusted<T extends Table>(table: T, rows: Stored<T>[], wanted: Partial<Fields<T>>): Fields<T>[] {
    return rows.flatMap((row) => {
      try {
        return [this.#verified(table, row, wanted)];
      } catch (error) {
        if (!(error instanceof DamagedRowError)) throw error;
        this.#onDamage(error);
        return [];
      }
    });
  }

  #sealed<T extends Table>(table: T, fields: Fields<T>): Fields<T> & { checksum: Uint8Array } {
    return { ...fields, checksum: this.#checksum.of(table, fields as Row) };
  }

  /** A damaged index can lead to a sound row that was not asked for, so what was `wanted` is compared as well. */
  #verified<T extends Table>(table: T, row: Stored<T>, wanted: Partial<Fields<T>>): Fields<T> {
    const { checksum, ...fields } = row as Stored<T> & Row;
    if (!this.#checksum.holds(table, fields, checksum)) {
      throw new DamagedRowError(`Cannot trust a row of ${table}: its checksum does not hold`);
    }
    if (Object.entries(wanted as Row).some(([column, value]) => !isSame(fields[column]!, value))) {
      throw new DamagedRowError(`Cannot trust a row of ${table}: an index led to it by mistake`);
    }
    return fields as unknown as Fields<T>;
  }
}

/** What a message is found by. */
function messageName(
  { receiverId, senderId, messageId }: Pick<StoredMessage, "receiverId" | "senderId" | "messageId">,
) {
  return { receiver_id: receiverId, sender_id: senderId, message_id: messageId };
}

function convert<R, V>(row: R | null, to: (row: R) => V): V | null {
  return row === null ? null : to(row);
}

function isSame(a: ColumnValue, b: ColumnValue): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? equalBytes(a, b) : a === b;
}
