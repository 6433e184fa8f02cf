import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import { StateFolder } from "../../src/engine/state_folder.ts";
import * as files from "../../src/engine/state_files.ts";

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

async function withFolder(run: (folder: StateFolder) => void): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "buri-state-" });
  const folder = StateFolder.open(path);
  try {
    run(folder);
  } finally {
    folder.close();
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("state files read back exactly what was written", async () => {
  await withFolder((folder) => {
    const identity = { ed25519: bytes(32, 1), rsa: bytes(1200, 2) };
    const settings = {
      server: "buri://a:1/#k",
      nick: "Zoë",
      wantsLogin: false,
      ipMode: "ipv6" as const,
      plainPeers: ["ab".repeat(32)],
    };
    const account = {
      invite: "x",
      clientId: 123_456_789,
      virtualAddress: 0x0a010203,
      pool: { base: 0x0a010000, bits: 16 },
      prefix6: bytes(12, 3),
      suiteSeen: 2,
      way: "tls:443",
    };
    const pins = new Map([[0x0a010204, { ed25519: bytes(32, 4), rsa: null, suiteSeen: 2 as const }]]);
    const secrets = new Map([[7, { name: "games", peerSecret: bytes(32, 5) }]]);
    files.writeIdentity(folder, identity);
    files.writeSettings(folder, settings);
    files.writeAccount(folder, "a", account as files.StoredAccount);
    files.writePins(folder, "a", pins);
    files.writeSecrets(folder, "a", secrets);
    assert.deepEqual(files.readIdentity(folder), identity);
    assert.deepEqual(files.readSettings(folder), settings);
    assert.deepEqual(files.readAccount(folder, "a"), account);
    assert.deepEqual(files.readPins(folder, "a"), pins);
    assert.deepEqual(files.readSecrets(folder, "a"), secrets);
  });
});

Deno.test("state files that were never written read as a first start", async () => {
  await withFolder((folder) => {
    assert.equal(files.readIdentity(folder), null);
    assert.deepEqual(files.readSettings(folder), {
      server: null,
      nick: "",
      wantsLogin: true,
      ipMode: "both",
      plainPeers: [],
    });
    assert.equal(files.readAccount(folder, "a"), null);
    assert.equal(files.readPins(folder, "a").size, 0);
    assert.equal(files.readSecrets(folder, "a").size, 0);
  });
});

Deno.test("state files that are damaged are refused by name and left as they are", async () => {
  const key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const damages = [
    "",
    "{",
    "null",
    `{"version":2,"ed25519":"${key}","rsa":null}`,
    `{"version":1,"ed25519":"${key.slice(1)}","rsa":null}`,
    `{"version":1,"ed25519":"${key}"}`,
    `{"version":1,"ed25519":"${key}","rsa":null,"more":1}`,
    `{"version":1,"ed25519":"${key}\\u0000","rsa":null}`,
  ];
  await withFolder((folder) => {
    for (const damage of damages) {
      folder.write("identity.json", damage);
      assert.throws(
        () => files.readIdentity(folder),
        (error) =>
          error instanceof UserError && error.exitCode === 1 &&
          /identity\.json: the file is damaged/.test(error.message) &&
          !error.message.includes(key.slice(1)),
      );
      assert.equal(folder.read("identity.json"), damage);
    }
  });
});

Deno.test("state files refuse an address, an id and a pin that cannot be", async () => {
  const account = {
    version: 1,
    invite: "x",
    clientId: 1,
    address: "10.0.0.1",
    pool: null,
    prefix6: null,
    suiteSeen: 0,
  };
  await withFolder((folder) => {
    for (
      const change of [{ address: "10.0.0" }, { pool: "10.0.0.1/8" }, { clientId: 0 }, { clientId: 1e9 }, {
        prefix6: "00",
      }, { suiteSeen: 3 }]
    ) {
      folder.write("servers/a/account.json", JSON.stringify({ ...account, ...change }));
      assert.throws(() => files.readAccount(folder, "a"), UserError, JSON.stringify(change));
    }
    folder.write("servers/a/pins.json", '{"version":1,"peers":{"x":{"ed25519":null,"rsa":null,"suiteSeen":0}}}');
    assert.throws(() => files.readPins(folder, "a"), UserError);
  });
});
