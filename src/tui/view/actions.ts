import { ControlError, type DeliveryView, type MessageView } from "../../ipc/mod.ts";
import type { Call, ViewControl } from "./model.ts";

/** Long enough for a tunnel that exists, short enough to wait for. */
const DELIVERY_WAIT_MS = 3000;

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
    case "send":
      return deliveryWords(await control.send({ ...sendParams(action), waitMs: DELIVERY_WAIT_MS }));
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

function sendParams({ to, kind, text }: Extract<Call, { do: "send" }>) {
  return { to, kind, text };
}

/** How far a message has come. */
function deliveryWords({ deliveries }: MessageView): string {
  const count = (state: DeliveryView["state"]) => deliveries.filter((delivery) => delivery.state === state).length;
  if (deliveries.length === 1) return DELIVERY_WORDS[deliveries[0]?.state ?? "waiting"];
  return `Sent: ${count("delivered")} of ${deliveries.length} have it, ${count("stored")} find it at the server`;
}

const DELIVERY_WORDS = {
  delivered: "Delivered",
  stored: "Stored at the server until they come",
  waiting: "Waits here until they, or the server, can be reached",
  failed: "Not delivered",
} as const;

const POWER_WORDS = { approve: "Approved", reject: "Rejected", evict: "Evicted" } as const;

const TRIES: Readonly<Record<Call["do"], string>> = {
  login: "log in",
  logout: "log out",
  create: "create it",
  join: "join",
  send: "send it",
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
