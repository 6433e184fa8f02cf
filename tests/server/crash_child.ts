/**
 * Writes to a store until it is killed: `crash_child.ts FOLDER FIRST`. Each transaction makes an account, a network of that
 * account, and a second member; its number is printed once the store has acknowledged it.
 */
import { createNetwork, joinNetwork } from "../../src/server/registry.ts";
import { makeTestStore } from "./store_support.ts";

const [folder, first] = Deno.args as [string, string];
const test = await makeTestStore(Number(first) + 1, folder);
const encoder = new TextEncoder();
for (let number = Number(first);; number++) {
  const [owner, member] = [await test.newAccount(), await test.newAccount()];
  await test.store.write(async (tx) => {
    const name = `network ${number}`;
    const network = await createNetwork(tx, test.context, owner.clientId, { name, kind: "mesh", joinVerifier: null });
    await joinNetwork(tx, test.context, member.clientId, name, null);
    await tx.updateAccount({ ...owner, nick: `owner of ${network.networkId}` });
  });
  Deno.stdout.writeSync(encoder.encode(`${number}\n`));
}
