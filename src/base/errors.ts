/** Bytes or text from outside that break the protocol. The message says what was wrong, never what a secret was. */
export class ProtocolError extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "ProtocolError";
}

/** Exit codes a person or script can rely on: 1 failed, 2 wrong usage, 3 engine not running, 4 not permitted. */
export type ExitCode = 1 | 2 | 3 | 4;

/** What an error tells besides its message. */
export interface UserErrorOptions {
  /** Default 1. */
  exitCode?: ExitCode;
  /** What to try, as a whole sentence. */
  hint?: string;
  /** The error underneath, for the log. */
  cause?: unknown;
}

/** An error meant for the person at the keyboard: the message says what failed and why, the hint what to try. */
export class UserError extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "UserError";
  /** What the process exits with. */
  readonly exitCode: ExitCode;
  /** What to try. */
  readonly hint?: string;

  /** `message` begins with "Cannot …" and has no period. */
  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.exitCode = options.exitCode ?? 1;
    if (options.hint !== undefined) this.hint = options.hint;
  }
}
