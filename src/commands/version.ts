import * as v from "valibot";
import { VERSION } from "../base/version.ts";
import { type Command, defineCommand } from "./cli/command.ts";
import { banner } from "./cli/help.ts";
import { renderJson } from "./text/json.ts";

/** The version of this program. */
export const version: Command = defineCommand({
  name: "version",
  group: "Help",
  summary: "Show the version of this program",
  examples: [{ line: "version", does: "show it" }],
  json: "{version}",
  output: v.object({ version: v.string() }),
  run: ({ context, json }) => {
    context.print(json ? renderJson({ version: VERSION }) : banner(context.program));
    return Promise.resolve(0);
  },
});
