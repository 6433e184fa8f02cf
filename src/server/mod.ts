/**
 * The mediation server: accounts, addresses, networks, presence, and how members find each other. No packet of theirs passes
 * through it but through the relay, which cannot read any.
 *
 * @module
 */
export { giveDataFolder } from "./data_folder.ts";
export { type InviteOptions, makeInvite } from "./invite.ts";
export { type AccountInfo, showAccount } from "./operator.ts";
export { type PlanLimits, POLICIES, type ServerPolicy } from "./plans.ts";
export { readPolicy } from "./policy_file.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
