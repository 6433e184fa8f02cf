import { ControlError } from "../../ipc/mod.ts";
import type { Call, ViewControl } from "./model.ts";

/** Asks the engine and resolves to a sentence for the person. Rejects with `ControlError`. */
export async function perform(control: ViewControl, action: Call): Promise<string> {
  switch (action.do) {
    case "login":
      return (await control.login()).changed ? "Logged in" : "Already logged in";
    case "logout":
      return (await control.logout()).changed ? "Logged out" : "Already logged out";
    case "create":
      await control.create({ network: action.network, password: action.password });
      return `Created ${action.network}`;
    case "join": {
      const { pending } = await control.join({ network: action.network, password: action.password });
      return pending ? `Asked to join ${action.network}: the owner has to approve` : `Joined ${action.network}`;
    }
    case "leave":
    case "delete":
      await control[action.do]({ network: action.network });
      return `${action.do === "leave" ? "Left" : "Deleted"} ${action.network}`;
    case "goOnline":
    case "goOffline":
      await control[action.do]({ network: action.network });
      return `${action.do === "goOnline" ? "Online" : "Offline"} in ${action.network}`;
    case "approve":
    case "reject":
    case "evict":
      await control[action.do]({ network: action.network, member: action.member });
      return `${POWER_WORDS[action.do]} ${action.member}`;
  }
}

const POWER_WORDS = { approve: "Approved", reject: "Rejected", evict: "Evicted" } as const;

const TRIES: Readonly<Record<Call["do"], string>> = {
  login: "log in",
  logout: "log out",
  create: "create it",
  join: "join",
  leave: "leave",
  delete: "delete it",
  goOnline: "go online",
  goOffline: "go offline",
  approve: "approve",
  reject: "reject",
  evict: "evict",
};

/** Why it failed, in a sentence. */
export function refusal(action: Call["do"], error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const hint = error instanceof ControlError && error.hint !== undefined ? ` (${error.hint})` : "";
  return `Cannot ${TRIES[action]}: ${reason}${hint}`;
}
