import assert from "node:assert/strict";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { isAlive, namespaceName, ownerOf, ownOwner, startedAt } from "../../src/lab/owner.ts";
import { needs } from "../support/needs.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

Deno.test("ownerOf reads what namespaceName wrote and nothing else", () => {
  const owner = { pid: 123, startedAt: 4567 };
  assert.deepEqual(ownerOf(namespaceName(owner, "home1-router")), owner);
  for (const name of ["home1", "burilab", "burilab-1-home", "xburilab-1-2-home", "burilab-1-x-home"]) {
    assert.equal(ownerOf(name), null, name);
  }
});

Deno.test(needs("isAlive tells a process from a later one with its number", "linux"), () => {
  const own = ownOwner();
  assert.equal(isAlive(own), true);
  assert.equal(isAlive({ ...own, startedAt: own.startedAt + 1 }), false);
  assert.equal(isAlive({ ...own, pid: 2 ** 30 }), false);
  assert.equal(startedAt(2 ** 30), null);
});
