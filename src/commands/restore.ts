import * as v from "valibot";
import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import { COUNT, done } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";

/** The client out of one file. */
export const restore: Command = defineCommand({
  name: "restore",
  group: "This computer",
  summary: "Bring back what `backup` wrote, here or on another computer",
  details: [
    "No engine may run. It happens whole or not at all. Then `up` goes on with the addresses and networks of before.",
  ],
  args: [
    { name: "file", summary: "The backup" },
    { name: "password", summary: "Its password; - = read it from stdin", optional: true, secret: { required: true } },
  ],
  options: {
    ...STATE_OPTION,
    force: { summary: "Replace the keys and accounts that are there" },
  },
  examples: [{ line: "restore buri.backup", does: "ask for the password, and restore it" }],
  json: "{ok:true,file,files}; files = how many were restored",
  output: done({ file: v.string(), files: COUNT }),
  run: async ({ context, args: { file, password = "" }, options: { state, force }, json }) => {
    const files = await context.roles.restoreBackup({ stateDir: context.stateDir(state), file, password, force });
    context.print(json ? renderJson({ ok: true, file, files }) : `Restoring backup ${file} .. ok`);
    return 0;
  },
});
