/**
 * The file in which an operator says what the server allows:
 *
 *     { "policy": "hamachi", "defaultPlan": "free", "plans": { "free": { "membersPerNetwork": 8 } } }
 *
 * `policy` is what it starts from, `open` or `hamachi`; everything else may be left out.
 *
 * @module
 */
import * as v from "valibot";
import { UserError } from "../base/errors.ts";
import { MAX_COUNT } from "../protocol/mod.ts";
import { type PlanLimits, POLICIES, type ServerPolicy } from "./plans.ts";

const right = v.boolean("true or false");
const whole = (least: number, most: number) => {
  const message = `a whole number from ${least} to ${most}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message));
};
const oneOf = <const T extends readonly string[]>(...words: T) => v.picklist(words, words.join(" or "));
const planName = oneOf("free", "premium");

/** Ten Gbit/s, and a PiB: far beyond anything, so that a slip of the keyboard is found. */
const MAX_RATE_KBIT = 10_000_000;
const MAX_QUOTA_BYTES = 2 ** 50;

const LIMITS = {
  membersPerNetwork: whole(2, MAX_COUNT.members),
  networksPerAccount: whole(1, MAX_COUNT.networks),
  relayClass: oneOf("low", "high"),
  relayRateKbit: whole(0, MAX_RATE_KBIT),
  passwordlessNetworks: right,
  lockNetworks: right,
  approveMembers: right,
  banMembers: right,
  administrators: right,
  networkMessages: right,
  plainTunnels: right,
  offlineMessages: right,
  networkChat: oneOf("send", "receive"),
  proxyQuotaBytes: v.nullable(whole(0, MAX_QUOTA_BYTES)),
} satisfies { [K in keyof PlanLimits]: v.GenericSchema<unknown, PlanLimits[K]> };

const plan = v.partial(v.strictObject(LIMITS));
const FILE = v.strictObject({
  policy: oneOf("open", "hamachi"),
  defaultPlan: v.optional(planName),
  plans: v.optional(v.partial(v.strictObject({ free: plan, premium: plan }))),
});

/**
 * The policy that a text describes.
 *
 * @param name of the file, for what is said of it
 * @throws {UserError} exit 2, naming the first fault
 */
export function parsePolicy(text: string, name: string): ServerPolicy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(name, `it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  const parsed = v.safeParse(FILE, value, { abortEarly: true });
  if (!parsed.success) throw wrong(name, faultOf(parsed.issues[0]));
  const { policy, defaultPlan, plans = {} } = parsed.output;
  const base = POLICIES[policy];
  return {
    name: policy,
    defaultPlan: defaultPlan ?? base.defaultPlan,
    plans: {
      free: { ...base.plans.free, ...given(plans.free) },
      premium: { ...base.plans.premium, ...given(plans.premium) },
    },
  };
}

/** Without what is there and undefined, which JSON cannot say and the type of a partial record can. */
function given(limits: Partial<Record<keyof PlanLimits, unknown>> = {}): Partial<PlanLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function faultOf(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue as v.BaseIssue<unknown>) ?? "the file";
  if (issue.expected === "never") return `${path} is nothing that a policy has`;
  return issue.type === "strict_object" || issue.type === "object"
    ? `${path} is missing or no record`
    : `${path} must be ${issue.message}`;
}

/** Reads a policy file. @throws {UserError} when it cannot be read, or exit 2 for what is in it */
export function readPolicy(path: string): ServerPolicy {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new UserError(`Cannot read the policy ${path}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
  return parsePolicy(text, path);
}

function wrong(name: string, what: string): UserError {
  return new UserError(`Cannot use the policy ${name}: ${what}`, {
    exitCode: 2,
    hint: "docs/COMMANDS.md, `server policy`, has all that may stand in it.",
  });
}
