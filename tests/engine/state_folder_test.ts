import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import { needs } from "../support/needs.ts";
import { StateFolder } from "../../src/engine/state_folder.ts";

/** A path that does not exist yet, removed after the test. */
async function withPath(run: (path: string) => void | Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "buri-state-" });
  try {
    await run(`${parent}/state`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

function modeOf(path: string): number {
  return Deno.statSync(path).mode! & 0o777;
}

function isUserError(exitCode: number, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof UserError && error.exitCode === exitCode && pattern.test(error.message);
}

Deno.test("StateFolder makes the folder with mode 0700 and files with 0600, whatever the umask", async () => {
  await withPath((path) => {
    const umask = Deno.umask(0);
    try {
      const folder = StateFolder.open(path);
      folder.write("servers/a/account.json", "{}");
      folder.close();
    } finally {
      Deno.umask(umask);
    }
    assert.equal(modeOf(path), 0o700);
    assert.equal(modeOf(`${path}/servers/a`), 0o700);
    assert.equal(modeOf(`${path}/servers/a/account.json`), 0o600);
    assert.equal(modeOf(`${path}/lock`), 0o600);
  });
});

Deno.test("StateFolder gives back what was written, and null for what never was", async () => {
  await withPath((path) => {
    const folder = StateFolder.open(path);
    folder.write("a.json", "one");
    folder.write("a.json", "two");
    assert.equal(folder.read("a.json"), "two");
    assert.equal(folder.read("b.json"), null);
    assert.deepEqual([...Deno.readDirSync(path)].map((entry) => entry.name).toSorted(), ["a.json", "lock"]);
    folder.close();
  });
});

Deno.test("StateFolder writes over what a killed engine left half written", async () => {
  await withPath((path) => {
    const folder = StateFolder.open(path);
    folder.write("a.json", "old");
    Deno.writeTextFileSync(`${path}/a.json.new`, "hal");
    assert.equal(folder.read("a.json"), "old");
    folder.write("a.json", "new");
    assert.equal(folder.read("a.json"), "new");
    folder.close();
  });
});

Deno.test("StateFolder refuses a file that others can read", async () => {
  await withPath((path) => {
    const folder = StateFolder.open(path);
    for (const mode of [0o640, 0o604, 0o620]) {
      folder.write("keys.json", "secret");
      Deno.chmodSync(`${path}/keys.json`, mode);
      assert.throws(() => folder.read("keys.json"), isUserError(1, /other users/));
    }
    folder.close();
  });
});

Deno.test("StateFolder refuses a folder that others can write to", async () => {
  await withPath((path) => {
    Deno.mkdirSync(path);
    Deno.chmodSync(path, 0o775);
    assert.throws(() => StateFolder.open(path), isUserError(1, /other users/));
  });
});

Deno.test("StateFolder takes a folder like /tmp, in which nobody can replace the files of others", async () => {
  await withPath((path) => {
    Deno.mkdirSync(path);
    Deno.chmodSync(path, 0o1777);
    StateFolder.open(path).close();
  });
});

Deno.test(needs("StateFolder refuses a file of another user", "root"), async () => {
  await withPath((path) => {
    const folder = StateFolder.open(path);
    folder.write("keys.json", "theirs");
    Deno.chownSync(`${path}/keys.json`, 65534, 65534);
    assert.throws(() => folder.read("keys.json"), isUserError(1, /belongs to another user/));
    folder.close();
  });
});

Deno.test("StateFolder refuses a second engine, and lets it in once the first is gone", async () => {
  await withPath((path) => {
    const first = StateFolder.open(path);
    assert.throws(() => StateFolder.open(path), isUserError(1, /another engine/));
    first.close();
    StateFolder.open(path).close();
  });
});

Deno.test("StateFolder keeps the old file when the new one cannot be written", async () => {
  await withPath((path) => {
    const folder = StateFolder.open(path);
    folder.write("a.json", "old");
    // A folder of the same name stands in the way of the new file, as a full disk would.
    Deno.mkdirSync(`${path}/a.json.new/x`, { recursive: true });
    assert.throws(() => folder.write("a.json", "new"), isUserError(1, /Cannot save .*a\.json/));
    assert.equal(folder.read("a.json"), "old");
    folder.close();
  });
});

Deno.test("StateFolder says so when a path is no folder", async () => {
  await withPath((path) => {
    Deno.writeTextFileSync(path, "");
    assert.throws(() => StateFolder.open(path), isUserError(1, /Cannot use the state folder/));
  });
});
