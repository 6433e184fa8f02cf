/**
 * Reads the rules of the system's firewall as `nft -j` lists them: pure.
 *
 * @module
 */
import * as v from "valibot";
import type { ClosedChain } from "./diagnosis.ts";

const RULESET = v.object({ nftables: v.array(v.record(v.string(), v.unknown())) });
const CHAIN = v.object({
  family: v.picklist(["ip", "inet"]),
  table: v.string(),
  name: v.string(),
  hook: v.literal("input"),
  policy: v.literal("drop"),
});
const RULE = v.object({ family: v.string(), table: v.string(), chain: v.string(), expr: v.array(v.unknown()) });
const FROM_INTERFACE = v.object({
  match: v.object({
    op: v.literal("=="),
    left: v.object({ meta: v.object({ key: v.picklist(["iifname", "iif"]) }) }),
    right: v.union([v.string(), v.object({ set: v.array(v.unknown()) })]),
  }),
});
const ACCEPTS = v.object({ accept: v.nullish(v.unknown()) });

/**
 * Chains through which all comes that is for this computer, and which drop what no rule lets in. Rules in chains that they
 * jump to are not followed.
 *
 * @param json what `nft -j list ruleset` printed; what cannot be read has no chains
 */
export function closedInputChains(json: string): ClosedChain[] {
  const ruleset = v.safeParse(RULESET, parse(json));
  if (!ruleset.success) return [];
  const entries = ruleset.output.nftables;
  const rules = entries.flatMap(({ rule }) => v.is(RULE, rule) ? [rule] : []);
  return entries.flatMap(({ chain }) => {
    if (!v.is(CHAIN, chain)) return [];
    const { family, table, name } = chain;
    const own = rules.filter((rule) => rule.family === family && rule.table === table && rule.chain === name);
    return [{ name: `${family} ${table} ${name}`, openFor: own.flatMap(({ expr }) => interfacesOf(expr)) }];
  });
}

function interfacesOf(expressions: readonly unknown[]): string[] {
  if (!expressions.some((expression) => v.is(ACCEPTS, expression) && "accept" in (expression as object))) return [];
  return expressions.flatMap((expression) => {
    if (!v.is(FROM_INTERFACE, expression)) return [];
    const { right } = expression.match;
    return typeof right === "string" ? [right] : right.set.filter((name) => typeof name === "string");
  });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
