import type { RESULT_CODE } from "../protocol/mod.ts";

/** Why a request is refused: a code of RESULT (PROTOCOL.md section 6). */
export type Refusal = Exclude<keyof typeof RESULT_CODE, "ok">;

/** A request is refused; nothing was changed. */
export class RefusedError extends Error {
  /** Its kind. */
  override readonly name = "RefusedError";
  /** Why. */
  readonly refusal: Refusal;

  /** More of why, for a person, in place of the words of the code. */
  readonly details: string | undefined;

  /** `refusal`: why. */
  constructor(refusal: Refusal, details?: string) {
    super(`request refused: ${refusal}`);
    this.refusal = refusal;
    this.details = details;
  }
}
