import { ControlError, type FailureCode } from "../ipc/schema.ts";
import { RESULT_CODE, resultWords } from "../protocol/mod.ts";

const CODES: Readonly<Record<number, FailureCode>> = {
  [RESULT_CODE.internalError]: "internal",
  [RESULT_CODE.busy]: "busy",
  [RESULT_CODE.networkNotFound]: "networkNotFound",
  [RESULT_CODE.invalidPassword]: "invalidPassword",
  [RESULT_CODE.networkFull]: "networkFull",
  [RESULT_CODE.networkLocked]: "networkLocked",
  [RESULT_CODE.alreadyMember]: "alreadyMember",
  [RESULT_CODE.isOwner]: "isOwner",
  [RESULT_CODE.nameTaken]: "nameTaken",
  [RESULT_CODE.notPermitted]: "notPermitted",
  [RESULT_CODE.notMember]: "networkNotFound",
  [RESULT_CODE.peerNotFound]: "peerNotFound",
  [RESULT_CODE.limitReached]: "tooManyNetworks",
  [RESULT_CODE.tooManyTries]: "tooManyTries",
  [RESULT_CODE.invalidName]: "invalidName",
  [RESULT_CODE.banned]: "banned",
  [RESULT_CODE.notAwaitingApproval]: "notAwaitingApproval",
  [RESULT_CODE.cannotSave]: "serverCannotSave",
};

/** What a request failed with, from the server's RESULT; where the words differ, its own become the hint. */
export function refusalOf(code: number, message: string): ControlError {
  const failure = CODES[code] ?? "internal";
  const hint = message !== "" ? message : failure === "internal" ? `The server says: ${resultWords(code)}.` : undefined;
  return new ControlError(failure, hint);
}
