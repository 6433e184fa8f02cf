import * as v from "valibot";
import { EngineUnreachableError, FINDING_IDS, type FindingView } from "../ipc/mod.ts";
import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import type { Context } from "./cli/context.ts";
import { renderJson } from "./text/json.ts";

/** What is wrong with this computer. */
export const doctor: Command = defineCommand({
  name: "doctor",
  group: "This computer",
  summary: "Look for what is wrong with this computer, and say what mends it",
  details: [
    "Looks at the connection to the server, the tunnel device, routes, the firewall's rules, addresses that clash, the clock " +
    "and the disk. Exits with 0 when nothing is wrong, with 1 when something is. `netcheck` looks at the router, `why` at " +
    "one peer.",
  ],
  options: STATE_OPTION,
  examples: [{ line: "doctor", does: "look" }, { line: "doctor --json", does: "for a program" }],
  json: "[{id,words,remedy}]; [] = nothing is wrong",
  output: v.array(v.object({ id: v.picklist(FINDING_IDS), words: v.string(), remedy: v.string() })),
  run: async ({ context, options, json }) => {
    const findings = await look(context, options.state);
    if (json) context.print(renderJson(findings));
    else if (findings.length === 0) context.print("Nothing is wrong.");
    else findings.flatMap(({ words, remedy }) => [words, `  ${remedy}`]).forEach(context.print);
    return findings.length === 0 ? 0 : 1;
  },
});

async function look(context: Context, stateDir: string | undefined): Promise<readonly FindingView[]> {
  try {
    const connection = await context.connect(stateDir);
    return await connection.control.doctor().finally(() => connection.close());
  } catch (error) {
    if (!(error instanceof EngineUnreachableError) || error.reason !== "notRunning") throw error;
    const remedy = "Start it with `buri up`, or name its folder with --state.";
    const own: FindingView = { id: "notRunning", words: "Buri does not seem to be running.", remedy };
    return [own, ...await context.roles.checkTun()];
  }
}
