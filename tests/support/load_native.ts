/**
 * Imported for its effect: opens the system's libraries before the first test. They stay open for good, which the sanitizers
 * would take for a leak of the test that happens to need them first.
 */
import { openLibcrypto } from "../../src/ffi/libcrypto.ts";
import { lastErrno } from "../../src/ffi/libc_linux.ts";
import { setupLibc } from "../../src/ffi/libc_setup_linux.ts";
import { processIds } from "../../src/ffi/posix_linux.ts";

if (Deno.build.os === "linux") {
  processIds();
  setupLibc();
  lastErrno();
  openLibcrypto();
}
