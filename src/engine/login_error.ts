import { UserError } from "../base/errors.ts";
import type { FailureCode } from "../ipc/schema.ts";
import { AUTH_FAILED, REFUSED } from "../protocol/mod.ts";
import type { LoginFailure } from "../session/mod.ts";

/** A login that came to nothing, in words. */
export class LoginError extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "LoginError";
  /** For commands. */
  readonly code: FailureCode;
  /** What a person may try. */
  readonly hint: string | undefined;
  /**
   * Whether trying again would not help, as far as one can believe what came over the wire. Most of it is not
   * authenticated, so an engine that has been logged in tries again nevertheless.
   */
  readonly isFinal: boolean;
  /** The server asked for a pause; 0 = it did not. */
  readonly retryAfterMs: number;

  /** `message` is a clause without a period. */
  constructor(
    message: string,
    options: { code?: FailureCode; hint?: string; isFinal?: boolean; retryAfterMs?: number } = {},
  ) {
    super(message);
    this.code = options.code ?? "serverUnreachable";
    this.hint = options.hint;
    this.isFinal = options.isFinal ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }

  /** The same for the person who started the engine; exit code 1. */
  toUserError(server: string): UserError {
    const hint = this.hint === undefined ? {} : { hint: this.hint };
    return new UserError(`Cannot log in at ${server}: ${this.message}`, { ...hint, cause: this });
  }
}

const ANOTHER_KEY = {
  code: "serverKeyChanged",
  isFinal: true,
  hint:
    "Ask whoever runs the server for a new invite, over a way you trust. If it was set up anew its accounts are new, too.",
} as const;

/** What a failure of the login machine means. */
export function loginErrorOf(failure: LoginFailure): LoginError {
  switch (failure.reason) {
    case "refused":
      return refusedError(failure.code, failure.retryAfterSeconds);
    case "authFailed":
      return authError(failure.code, failure.message);
    case "serverNotAuthentic":
      return new LoginError("the server has another key than the one pinned", ANOTHER_KEY);
    case "closed":
      return failure.before === "heloOk"
        ? new LoginError("the server does not have the key of the invite", ANOTHER_KEY)
        : new LoginError("the server closed the connection");
    case "malformedAnswer":
      return new LoginError(`the server's answer is malformed (${failure.detail})`);
    case "timeout":
      return new LoginError("the server did not answer in time");
  }
}

function refusedError(code: number, retryAfterSeconds: number): LoginError {
  const retryAfterMs = retryAfterSeconds * 1000;
  if (code === REFUSED.busy) return new LoginError("the server is busy", { retryAfterMs });
  const what = code === REFUSED.suiteNotSpoken ? "suite" : "version";
  const hint = `Choose another suite with --suite, or have the server changed. Nothing was tried with a lower suite.`;
  return new LoginError(`the server does not speak this ${what}`, { isFinal: true, hint, retryAfterMs });
}

const AUTH_WORDS: Readonly<Record<number, string>> = {
  [AUTH_FAILED.noSuchAccount]: "the server does not know this client",
  [AUTH_FAILED.keyDoesNotMatch]: "the server knows this client by another key",
  [AUTH_FAILED.keyOfAnotherAccount]: "the server knows one of our keys as another client's",
  [AUTH_FAILED.registrationClosed]: "the server takes no new clients",
  [AUTH_FAILED.tooMany]: "too many clients or tries",
  [AUTH_FAILED.accountDisabled]: "the account is disabled",
};

const AUTH_HINTS: Readonly<Record<number, string>> = {
  [AUTH_FAILED.noSuchAccount]:
    "Remove the server's folder within the state folder to register anew; the address will be another one.",
  [AUTH_FAILED.keyDoesNotMatch]:
    "With --suite 1: start once without it, which gives the account its key of suite 1, and then again with it.",
};

function authError(code: number, message: string): LoginError {
  const words = AUTH_WORDS[code] ?? "the server refuses the login";
  const isFinal = code !== AUTH_FAILED.tooMany;
  const hint = AUTH_HINTS[code];
  const options = hint === undefined ? {} : { hint };
  return new LoginError(message === "" ? words : `${words} (${message})`, {
    code: "notPermitted",
    isFinal,
    ...options,
  });
}
