import * as v from "valibot";
import { UserError } from "../base/errors.ts";
import { type Command, defineCommand } from "./cli/command.ts";
import { renderBash } from "./completion/bash.ts";
import { renderFish } from "./completion/fish.ts";
import { renderPowerShell } from "./completion/powershell.ts";
import { type CompletionTables, completionTables } from "./completion/tables.ts";
import { renderZsh } from "./completion/zsh.ts";
import { renderJson } from "./text/json.ts";

const RENDERERS: Readonly<Record<string, (tables: CompletionTables) => string[]>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
  powershell: renderPowerShell,
};

const SHELLS = Object.keys(RENDERERS);

/** Makes the command that teaches shells the others. */
export function completionOf(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "completion",
    group: "Help",
    summary: "Print the script by which a shell completes commands, networks and peers",
    details: [
      "bash: put `source <(buri completion bash)` into ~/.bashrc. zsh: write it to a file `_buri` in a folder of $fpath, or " +
      "put `source <(buri completion zsh)` into ~/.zshrc behind `compinit`. fish: write it to " +
      "~/.config/fish/completions/buri.fish. PowerShell: put `buri completion powershell | Out-String | Invoke-Expression` " +
      "into $PROFILE.",
    ],
    args: [{ name: "shell", summary: `One of ${SHELLS.join(", ")}`, choices: SHELLS }],
    examples: [
      { line: "completion bash", does: "for bash" },
      { line: "completion fish > ~/.config/fish/completions/buri.fish", does: "for fish, for good" },
    ],
    json: "{shell,script}",
    output: v.object({ shell: v.string(), script: v.string() }),
    run: ({ context, args, json }) => {
      const render = Object.hasOwn(RENDERERS, args.shell) ? RENDERERS[args.shell] : undefined;
      if (render === undefined) {
        throw new UserError(`Cannot complete for ${args.shell}`, {
          exitCode: 2,
          hint: `It is one of ${SHELLS.join(", ")}.`,
        });
      }
      const lines = render(completionTables(commands()));
      if (json) context.print(renderJson({ shell: args.shell, script: lines.map((line) => `${line}\n`).join("") }));
      else lines.forEach(context.print);
      return Promise.resolve(0);
    },
  });
}
