import * as v from "valibot";
import { type Command, defineCommand } from "./cli/command.ts";
import { VERSION } from "../base/version.ts";
import { renderJson } from "./text/json.ts";

/** Says how one learns of updates. */
export const checkUpdate: Command = defineCommand({
  name: "check-update",
  group: "This computer",
  summary: "Show the version to compare with the newest release",
  details: [
    "Nobody is asked: a program that calls home tells where it runs. New releases are where this one came from.",
  ],
  examples: [{ line: "check-update", does: "show what there is to compare" }],
  json: "{version,checked:false}",
  output: v.object({ version: v.string(), checked: v.literal(false) }),
  run: ({ context, json }) => {
    const line = `Checking for updates .. ok, this is version ${VERSION}, nobody was asked for a newer one`;
    context.print(json ? renderJson({ version: VERSION, checked: false }) : line);
    return Promise.resolve(0);
  },
});
