import * as v from "valibot";
import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import { COUNT, done } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";

/** The client in one file. */
export const backup: Command = defineCommand({
  name: "backup",
  group: "This computer",
  summary: "Write keys, accounts, pins and secrets into one encrypted file",
  details: [
    "Whoever has the file and its password can be this client. The engine may run. Two engines with the same keys take the " +
    "connection from each other, so restore it where the first one is gone.",
  ],
  args: [
    { name: "file", summary: "Where to write it; there must be no such file" },
    {
      name: "password",
      summary: "What it is encrypted with; - = read it from stdin",
      optional: true,
      secret: { twice: true, required: true },
    },
  ],
  options: STATE_OPTION,
  examples: [{ line: "backup buri.backup", does: "ask for a password, and write it" }],
  json: "{ok:true,file,files}; files = how many are in it",
  output: done({ file: v.string(), files: COUNT }),
  run: async ({ context, args: { file, password = "" }, options, json }) => {
    const files = await context.roles.makeBackup({ stateDir: context.stateDir(options.state), file, password });
    context.print(json ? renderJson({ ok: true, file, files }) : `Writing backup ${file} .. ok`);
    return 0;
  },
});
