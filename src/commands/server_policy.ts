import * as v from "valibot";
import { type Command, defineCommand } from "./cli/command.ts";
import { renderJson } from "./text/json.ts";
import { renderPolicy } from "./text/policy.ts";

/** By the names that a policy file has for them. */
const LIMITS = v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()]));

/** What a server allows. */
export const serverPolicy: Command = defineCommand({
  name: "server policy",
  group: "Server",
  summary: "Check a policy file, and show what a server with it allows",
  details: [
    'A policy file is JSON: {"policy":"open"} allows everything to everybody, which is also what a server does that is ' +
    'given no file; {"policy":"hamachi"} has the limits of Hamachi\'s free and premium plans. "defaultPlan" is the plan of ' +
    'new accounts, "plans" changes single limits: {"policy":"hamachi","plans":{"free":{"membersPerNetwork":8}}}.',
    "Limits of a network are those of its owner's plan. `--json` shows the names by which a file sets them. A relayed " +
    "tunnel gets the better class of its two ends. The limits of chat, plain tunnels and web proxies hold where these are used.",
  ],
  args: [{
    name: "file",
    summary: "Policy file; without one the policy of a server that is given none",
    optional: true,
  }],
  examples: [
    { line: "server policy ./policy.json", does: "check a file before a server is started with it" },
    { line: "server policy", does: "show what a server allows by itself" },
  ],
  json: "{name,defaultPlan,plans:{free,premium}}, all limits by their names",
  output: v.object({ name: v.string(), defaultPlan: v.string(), plans: v.object({ free: LIMITS, premium: LIMITS }) }),
  run: async ({ context, args, json }) => {
    const policy = await context.roles.readPolicy(args.file);
    if (json) context.print(renderJson(policy));
    else renderPolicy(policy).forEach(context.print);
    return 0;
  },
});
