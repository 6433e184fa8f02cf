import * as v from "valibot";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { done } from "./cli/output.ts";

/** Goes online. */
export const login: Command = defineEngineCommand({
  name: "login",
  aliases: ["logon"],
  group: "This computer",
  summary: "Connect to the server, and stay connected",
  examples: [{ line: "login", does: "go online" }],
  json: "{ok:true,changed}; changed = it was not logged in before",
  output: done({ changed: v.boolean() }),
  run: (run) =>
    act(run, "Logging in", async () => {
      const { changed } = await run.control.login();
      return { ...(changed ? {} : { instead: "Already logged in" }), json: { changed } };
    }),
});
