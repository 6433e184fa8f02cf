import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import { finishRestore, makeBackup, restoreBackup } from "../../src/engine/backup.ts";
import { StateFolder } from "../../src/engine/state_folder.ts";

const STATE: Readonly<Record<string, string>> = {
  "identity.json": "keys",
  "settings.json": "settings",
  "servers/0123456789abcdef/account.json": "account",
  "servers/0123456789abcdef/pins.json": "pins",
  "servers/0123456789abcdef/secrets.json": "secrets",
};
const OTHER = "servers/ffffffffffffffff/pins.json";
const refuses = (pattern: RegExp) => (error: unknown) => error instanceof UserError && pattern.test(error.message);

/** A state folder with these files, in a folder of its own. */
function prepare(files: Readonly<Record<string, string>>) {
  const root = Deno.makeTempDirSync({ prefix: "buri-backup-" });
  const stateDir = `${root}/state`;
  const folder = StateFolder.open(stateDir);
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  folder.close();
  const options = { stateDir, file: `${root}/backup`, password: "s3same" };
  return { root, options, [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }) };
}

function contents(stateDir: string): Record<string, string | null> {
  const folder = StateFolder.openToRead(stateDir);
  return Object.fromEntries([...Object.keys(STATE), OTHER, "restore.json"].map((name) => [name, folder.read(name)]));
}

const RESTORED = { ...STATE, [OTHER]: null, "restore.json": null };

Deno.test("restoreBackup brings back what makeBackup wrote, and only over nothing unless forced", () => {
  using world = prepare({ ...STATE, "journal.json": "device" });
  using elsewhere = prepare({ "identity.json": "others", [OTHER]: "others" });
  const { options } = world;
  const running = StateFolder.open(options.stateDir);
  assert.equal(makeBackup(options), 5);
  running.close();
  assert.equal(Deno.statSync(options.file).mode! & 0o777, 0o600);
  assert.ok(!new TextDecoder("latin1").decode(Deno.readFileSync(options.file)).includes("secrets"));
  assert.throws(() => makeBackup(options), refuses(/there is such a file already/));

  const fresh = { ...options, stateDir: `${world.root}/fresh`, force: false };
  assert.equal(restoreBackup(fresh), 5);
  assert.deepEqual(contents(fresh.stateDir), RESTORED);

  const taken = { ...options, stateDir: elsewhere.options.stateDir };
  assert.throws(() => restoreBackup({ ...taken, force: false }), refuses(/holds the keys of a client already/));
  assert.equal(contents(taken.stateDir)["identity.json"], "others");
  assert.equal(restoreBackup({ ...taken, force: true }), 5);
  assert.deepEqual(contents(taken.stateDir), RESTORED);
});

Deno.test("restoreBackup changes nothing for a wrong password, a foreign file, or while an engine runs", () => {
  using world = prepare(STATE);
  const { options } = world;
  makeBackup(options);
  const force = { ...options, force: true };
  assert.throws(() => restoreBackup({ ...force, password: "wrong" }), refuses(/password is wrong/));
  assert.throws(() => restoreBackup({ ...force, password: "" }), refuses(/empty password/));
  assert.throws(() => restoreBackup({ ...force, file: `${options.stateDir}/identity.json` }), refuses(/no backup/));
  assert.throws(() => restoreBackup({ ...force, file: `${options.stateDir}/none` }), refuses(/Cannot read the backup/));
  const running = StateFolder.open(options.stateDir);
  assert.throws(() => restoreBackup(force), refuses(/another engine/));
  running.close();
  assert.deepEqual(contents(options.stateDir), RESTORED);
});

Deno.test("finishRestore goes on after a crash, and refuses names outside of the state", () => {
  using world = prepare({ "identity.json": "half", [OTHER]: "old" });
  const folder = StateFolder.open(world.options.stateDir);
  folder.write("restore.json", JSON.stringify({ version: 1, files: STATE }));
  assert.equal(finishRestore(folder), 5);
  assert.equal(finishRestore(folder), 0);
  assert.deepEqual(contents(world.options.stateDir), RESTORED);
  for (const name of ["../out.json", "servers/0123456789abcdef/../x.json", "control.sock", "servers/x/pins.json"]) {
    folder.write("restore.json", JSON.stringify({ version: 1, files: { ...STATE, [name]: "x" } }));
    assert.throws(() => finishRestore(folder), refuses(/damaged/), name);
  }
  folder.close();
});

Deno.test("makeBackup has nothing to write where no engine has ever been", () => {
  using world = prepare({});
  assert.throws(() => makeBackup(world.options), refuses(/there are no keys/));
});
