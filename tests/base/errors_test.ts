import assert from "node:assert/strict";
import { ProtocolError, UserError } from "../../src/base/errors.ts";

Deno.test("ProtocolError is told apart by class and by name", () => {
  const error = new ProtocolError("truncated message");
  assert.ok(error instanceof Error);
  assert.equal(`${error}`, "ProtocolError: truncated message");
});

Deno.test("UserError has exit code 1, no hint and no cause unless told otherwise", () => {
  const error = new UserError("Cannot join: invalid password");
  assert.equal(error.exitCode, 1);
  assert.equal(error.hint, undefined);
  assert.equal("cause" in error, false);
});

Deno.test("UserError carries its exit code, hint and cause", () => {
  const cause = new Error("EACCES");
  const error = new UserError("Cannot open TUN", { exitCode: 4, hint: "Run as root.", cause });
  assert.deepEqual([error.exitCode, error.hint, error.cause], [4, "Run as root.", cause]);
});
