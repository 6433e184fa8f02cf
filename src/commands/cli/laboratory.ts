import { UserError } from "../../base/errors.ts";
import { SystemError } from "../../ffi/errno.ts";
import { NetworkNamespace } from "../../ffi/network_namespace_linux.ts";

/** Finds out by trying. @throws {UserError} where no laboratory can be built */
export function requireLaboratory(): void {
  if (Deno.build.os !== "linux") throw new UserError("Cannot build a laboratory: it is made of Linux namespaces");
  try {
    using _ = NetworkNamespace.create();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new UserError(`Cannot build a laboratory: ${error.message}`, {
      exitCode: 4,
      hint: "Run it as root, or inside `unshare --user --map-root-user --net --mount`.",
    });
  }
}
