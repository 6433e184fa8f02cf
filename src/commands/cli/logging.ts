import { createLogger, type Logger } from "../../base/log.ts";
import type { OptionSpec } from "./command.ts";
import type { Context } from "./context.ts";
import { parseLogLevel } from "./values.ts";

/** Options of the commands that keep running. */
export const LOG_OPTIONS = {
  "log-level": {
    value: "LEVEL",
    choices: ["debug", "info", "warn", "error", "silent"],
    summary: "What goes to stderr: debug, info, warn, error or silent (default info)",
  },
  "log-json": { summary: "Write log lines as JSON" },
} as const satisfies Record<string, OptionSpec>;

/** The logger these options ask for. Throws `UserError` with exit code 2. */
export function loggerOf(
  context: Context,
  options: { readonly "log-level": string | undefined; readonly "log-json": boolean },
): Logger {
  return createLogger({
    level: parseLogLevel("--log-level", options["log-level"] ?? "info"),
    json: options["log-json"],
    write: context.complain,
    wallMs: context.wallMs,
  });
}
