import assert from "node:assert/strict";
import type { Change } from "../../src/device/journal.ts";
import { JournalFile } from "../../src/device/journal_file.ts";

const scope = { bootId: "b1", namespaceId: 7 };

function address(prefix: string): Change {
  return { kind: "address", device: { name: "buri0", index: 5 }, prefix };
}

async function withFolder(test: (path: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    test(`${folder}/journal`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function exists(path: string): boolean {
  return [...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))].some((entry) => path.endsWith(`/${entry.name}`));
}

Deno.test("JournalFile.make records a change before it is made, readable by us alone", () =>
  withFolder((path) => {
    using journal = new JournalFile(path, scope);
    let seen = "";
    journal.make(address("10.1.0.1/16"), () => seen = Deno.readTextFileSync(path));
    assert.match(seen, /^\{.*"10\.1\.0\.1\/16".*\}\n$/);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    using next = new JournalFile(path, scope);
    assert.deepEqual(next.pending.map((entry) => entry.change), [address("10.1.0.1/16")]);
  }));

Deno.test("JournalFile.make forgets a change that failed and lets the error through", () =>
  withFolder((path) => {
    using journal = new JournalFile(path, scope);
    assert.throws(() =>
      journal.make(address("10.1.0.1/16"), () => {
        throw new Error("no such device");
      }), /no such device/);
    assert.deepEqual(journal.pending, []);
    assert.equal(exists(path), false);
  }));

Deno.test("JournalFile goes on with new ids after an earlier run and removes itself with the last change", () =>
  withFolder((path) => {
    {
      using earlier = new JournalFile(path, scope);
      earlier.make(address("10.1.0.1/16"), () => {});
      earlier.make(address("10.1.0.2/16"), () => {});
      earlier.settle(1);
    }
    using journal = new JournalFile(path, scope);
    journal.make(address("10.1.0.3/16"), () => {});
    assert.deepEqual(journal.pending.map((entry) => entry.id), [2, 3]);
    journal.settle(3);
    assert.equal(exists(path), true);
    journal.settle(2);
    assert.equal(exists(path), false);
    journal.make(address("10.1.0.4/16"), () => {});
    assert.equal(exists(path), true);
  }));

Deno.test("JournalFile does not let a torn line of an earlier run swallow the next record", () =>
  withFolder((path) => {
    {
      using earlier = new JournalFile(path, scope);
      earlier.make(address("10.1.0.1/16"), () => {});
    }
    Deno.writeTextFileSync(path, '{"id":2,"sco', { append: true });
    {
      using journal = new JournalFile(path, scope);
      assert.equal(journal.damagedLineCount, 0);
      journal.make(address("10.1.0.3/16"), () => {});
    }
    using last = new JournalFile(path, scope);
    assert.deepEqual(last.pending.map((entry) => entry.change), [address("10.1.0.1/16"), address("10.1.0.3/16")]);
  }));

Deno.test("JournalFile.make changes nothing when the record cannot be written", () =>
  withFolder((path) => {
    using journal = new JournalFile(`${path}/folder/that/is/not/there`, scope);
    let made = false;
    assert.throws(() => journal.make(address("10.1.0.1/16"), () => made = true));
    assert.equal(made, false);
    assert.deepEqual(journal.pending, []);
  }));

Deno.test("JournalFile refuses a file that is absurdly large", () =>
  withFolder((path) => {
    Deno.writeTextFileSync(path, "");
    Deno.truncateSync(path, 64 << 20);
    assert.throws(() => new JournalFile(path, scope), /no journal of ours/);
  }));
