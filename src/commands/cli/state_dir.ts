import { UserError } from "../../base/errors.ts";

/** What the choice of the default state folder depends on. */
export interface Home {
  /** Whether the program runs as root. */
  readonly isRoot: boolean;
  /** A variable of the environment. */
  env(name: string): string | undefined;
}

/**
 * The state folder: `option`, else `$BURI_STATE`, else /var/lib/buri for root, else buri in `$XDG_STATE_HOME`, which by
 * default is ~/.local/state. May be relative only when `option` or `$BURI_STATE` is. Throws `UserError` (exit code 2).
 */
export function chooseStateDir(option: string | undefined, { isRoot, env }: Home): string {
  const named = option ?? env("BURI_STATE");
  if (named === "") throw new UserError("Cannot use an empty state folder name", { exitCode: 2 });
  if (named !== undefined) return named;
  if (isRoot) return "/var/lib/buri";
  const stateHome = env("XDG_STATE_HOME");
  // A relative one is to be ignored, says the XDG base directory specification.
  if (stateHome?.startsWith("/")) return `${stateHome}/buri`;
  const home = env("HOME");
  if (home === undefined || home === "") {
    throw new UserError("Cannot choose a state folder: $HOME is not set", {
      exitCode: 2,
      hint: "Name one with --state.",
    });
  }
  return `${home}/.local/state/buri`;
}
