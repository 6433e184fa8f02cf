/** Disks that are soon full. */
import assert from "node:assert/strict";

/** Runs a program to its end. @throws when it fails */
export function run(command: string, ...args: string[]): void {
  assert.ok(new Deno.Command(command, { args }).outputSync().success, command);
}

/** Writes to the file at `path` until nothing more fits on its disk. */
export function fillDisk(path: string): void {
  const file = Deno.openSync(path, { write: true, create: true });
  try {
    for (;;) file.writeSync(new Uint8Array(4096));
  } catch {
    file.close();
  }
}
