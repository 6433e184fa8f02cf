import { tellHeads } from "./announcements.ts";
import type { ControlClient, World } from "./world.ts";

/** How often a server looks whether somebody else has changed its database. */
const LOOK_EVERY_MS = 1000;

/** Lets changes of plans, which an operator makes from outside, take effect until `signal` aborts. */
export async function watchPlans(world: World, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(world, signal);
    if (!signal.aborted && await world.store.wasChangedElsewhere()) await applyPlans(world);
  }
}

/** The pauses of the world end with it, which is later than its tasks. */
function pause({ clock }: World, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(LOOK_EVERY_MS, end);
    signal.addEventListener("abort", end);
  });
}

/** Gives clients that are logged in the plans of their accounts, and tells the members of their networks. */
export function applyPlans(world: World): Promise<void> {
  return world.turns.take(async () => {
    for (const client of world.sessions.values()) await applyPlan(world, client);
  });
}

async function applyPlan(world: World, client: ControlClient): Promise<void> {
  const { clientId } = client;
  const affected = await world.store.read(async (transaction) => {
    const account = await transaction.account(clientId);
    if (account === null || account.plan === client.plan) return [];
    client.plan = account.plan;
    const networks = [];
    for (const { networkId } of await transaction.membershipsOf(clientId)) {
      const network = await transaction.network(networkId);
      if (network?.ownerClientId === clientId || network?.allowsPlain === true) networks.push(network);
    }
    return networks;
  });
  for (const network of affected) await tellHeads(world, network);
}
