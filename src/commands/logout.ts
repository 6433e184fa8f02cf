import * as v from "valibot";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { done } from "./cli/output.ts";

/** Goes offline. */
export const logout: Command = defineEngineCommand({
  name: "logout",
  aliases: ["logoff"],
  group: "This computer",
  summary: "Disconnect from the server and all peers until the next login",
  examples: [{ line: "logout", does: "go offline; the engine keeps running" }],
  json: "{ok:true,changed}; changed = it was logged in before",
  output: done({ changed: v.boolean() }),
  run: (run) =>
    act(run, "Logging out", async () => {
      const { changed } = await run.control.logout();
      return { ...(changed ? {} : { instead: "Already logged out" }), json: { changed } };
    }),
});
