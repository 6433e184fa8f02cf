import type { LimitValue, PolicyView } from "../cli/context.ts";

/** What each limit means, by its name in a policy file. */
const LIMIT_WORDS: Readonly<Record<string, string>> = {
  membersPerNetwork: "members of a network",
  networksPerAccount: "networks of an account",
  relayClass: "relay class",
  relayRateKbit: "relay speed in kbit/s",
  passwordlessNetworks: "networks without password",
  lockNetworks: "locking networks",
  approveMembers: "approving members by hand",
  banMembers: "banning",
  administrators: "administrators",
  networkMessages: "welcome and announcements",
  plainTunnels: "tunnels without encryption",
  offlineMessages: "messages to those who are away",
  networkChat: "chat with a whole network",
  proxyQuotaBytes: "bytes through a web proxy",
};

/** A table of all limits: a line for each, a column for each plan. */
export function renderPolicy({ name, defaultPlan, plans }: PolicyView): string[] {
  const { free, premium } = plans;
  const rows = Object.keys(free).map((
    limit,
  ) => [LIMIT_WORDS[limit] ?? limit, shown(free[limit]), shown(premium[limit])]);
  return [
    `policy ${name}, new accounts are ${defaultPlan}`,
    "",
    ...[["", "free", "premium"], ...rows].map(([words = "", ...values]) =>
      [words.padEnd(32), ...values.map((value) => value.padEnd(12))].join("").trimEnd()
    ),
  ];
}

function shown(value: LimitValue | undefined): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === null || value === undefined || value === 0 ? "no limit" : String(value);
}
