import { UserError } from "../../base/errors.ts";
import { parseCount, parseDuration } from "./values.ts";

const MAX_USES = 65_535;
const DEFAULT_EXPIRY = "7d";

/** How often and how long an invite is good. */
export const INVITE_OPTIONS = {
  uses: { value: "N", summary: "How many may join by it, at most 65535 (default 1)" },
  expires: { value: "TIME", summary: `How long it lasts: 30m, 2h, 7d, or never (default ${DEFAULT_EXPIRY})` },
} as const;

/** Reads them; `forMs` null = for good. @throws {UserError} exit 2 */
export function inviteTerms(
  options: { uses: string | undefined; expires: string | undefined },
): { uses: number; forMs: number | null } {
  const uses = parseCount("--uses", options.uses ?? "1", MAX_USES);
  if (uses === 0) throw new UserError("Cannot make an invite for nobody: --uses is 0", { exitCode: 2 });
  const expires = options.expires ?? DEFAULT_EXPIRY;
  return { uses, forMs: expires === "never" ? null : parseDuration("--expires", expires) };
}
