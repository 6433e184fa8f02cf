/**
 * What a server allows to whom: plans of accounts (S77 to S108), by name.
 *
 * A policy decides on numbers and rights alone; who has which right within a network is `powers.ts`.
 *
 * @module
 */
import { MAX_COUNT, RELAY_CLASS } from "../protocol/mod.ts";
import type { PlanName } from "./store.ts";

/** What an account of a plan, or a network that such an account owns, may have and do. */
export interface PlanLimits {
  /** Members of a network it owns, the owner and those that wait included (S82, S83). */
  membersPerNetwork: number;
  /** Networks it is in, own ones included (S82, S83). */
  networksPerAccount: number;
  /** What relays do for it: a tunnel gets the better class of its two ends (S77, S79, S104). */
  relayClass: keyof typeof RELAY_CLASS;
  /** Speed of its relayed tunnels in kbit/s and direction; 0 = no limit. */
  relayRateKbit: number;
  /** Its networks may have no password (S85). */
  passwordlessNetworks: boolean;
  /** Its networks may be locked (S86). */
  lockNetworks: boolean;
  /** Its networks may let members in by hand (S87). */
  approveMembers: boolean;
  /** Its networks may ban (S89). */
  banMembers: boolean;
  /** Its networks may have administrators, and it may be one (S97). */
  administrators: boolean;
  /** Its networks may welcome members and tell them news (S98, S99). */
  networkMessages: boolean;
  /** Its tunnels may go without encryption, where both ends have this right and want it (S100). */
  plainTunnels: boolean;
  /** Messages to and from it are kept while the receiver is away; both ends need the right (S102). */
  offlineMessages: boolean;
  /** Whether it may write to a whole network, or only read what others write (S103). */
  networkChat: "send" | "receive";
  /** Bytes a session through another member's web proxy may carry; null = no limit (S108). */
  proxyQuotaBytes: number | null;
}

/** What a server allows. */
export interface ServerPolicy {
  /** What it starts from. */
  name: PolicyName;
  /** What an account has that nobody gave another plan. */
  defaultPlan: PlanName;
  /** By plan. */
  plans: Readonly<Record<PlanName, PlanLimits>>;
}

/** Policies that a policy file can start from. */
export type PolicyName = "open" | "hamachi";

const EVERYTHING: PlanLimits = {
  membersPerNetwork: MAX_COUNT.members,
  networksPerAccount: MAX_COUNT.networks,
  relayClass: "high",
  relayRateKbit: 0,
  passwordlessNetworks: true,
  lockNetworks: true,
  approveMembers: true,
  banMembers: true,
  administrators: true,
  networkMessages: true,
  plainTunnels: true,
  offlineMessages: true,
  networkChat: "send",
  proxyQuotaBytes: null,
};

/** The free edition as the published descriptions have it. Its relay speed is not in them: enough for text and a voice. */
const HAMACHI_FREE: PlanLimits = {
  membersPerNetwork: 16,
  networksPerAccount: 64,
  relayClass: "low",
  relayRateKbit: 64,
  passwordlessNetworks: false,
  lockNetworks: false,
  approveMembers: false,
  banMembers: false,
  administrators: false,
  networkMessages: false,
  plainTunnels: false,
  offlineMessages: false,
  networkChat: "receive",
  proxyQuotaBytes: 2_500_000,
};

/** The policies. A self-hosted server gives everybody what Hamachi's best plan had. */
export const POLICIES: Readonly<Record<PolicyName, ServerPolicy>> = {
  open: { name: "open", defaultPlan: "free", plans: { free: EVERYTHING, premium: EVERYTHING } },
  hamachi: { name: "hamachi", defaultPlan: "free", plans: { free: HAMACHI_FREE, premium: EVERYTHING } },
};

/** What `list` shows as subscription. */
export function subscriptionOf(policy: ServerPolicy, plan: PlanName): string {
  if (policy.name === "open") return "Open";
  return plan === "free" ? "Free" : "Premium";
}

/** What the relay does for a tunnel between accounts of these plans: the better of both, per direction. */
export function relayServiceOf(policy: ServerPolicy, a: PlanName, b: PlanName): { class: number; rateKbit: number } {
  const plans = [policy.plans[a], policy.plans[b]];
  const best = plans.find(({ relayClass }) => relayClass === "high") ?? plans[0]!;
  const rates = plans.filter(({ relayClass }) => relayClass === best.relayClass).map((plan) => plan.relayRateKbit);
  return { class: RELAY_CLASS[best.relayClass], rateKbit: rates.includes(0) ? 0 : Math.max(...rates) };
}
