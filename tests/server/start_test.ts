import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import { cidr4Contains, parseCidr4 } from "../../src/base/ip.ts";
import { NETWORK_KIND, parseInvite } from "../../src/protocol/mod.ts";
import { makeInvite, type ServerOptions, startServer } from "../../src/server/mod.ts";
import { needs } from "../support/needs.ts";
import { anyPorts, startTestServer } from "./server_support.ts";
import { fillDisk, run } from "../support/small_disk.ts";

const NETWORK = { name: "Home LAN", kind: NETWORK_KIND.mesh, hasPassword: false, joinSecret: new Uint8Array(32) };

function isUserError(pattern: RegExp, exitCode = 1): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    assert.ok(error.hint !== undefined && !error.message.includes("\n"));
    assert.equal(error.exitCode, exitCode);
    return true;
  };
}

async function refuses(options: Partial<ServerOptions> & { dataDir: string }, pattern: RegExp, exitCode = 1) {
  await assert.rejects(startServer({ ...anyPorts(options.dataDir), ...options }), isUserError(pattern, exitCode));
}

Deno.test("startServer makes a folder of mode 0700 with files of mode 0600", async () => {
  const parent = Deno.makeTempDirSync({ prefix: "buri-start-" });
  const dataDir = `${parent}/new/data`;
  const server = await startServer(anyPorts(dataDir));
  assert.equal(Deno.statSync(dataDir).mode! & 0o777, 0o700);
  for (const { name } of Deno.readDirSync(dataDir)) {
    assert.equal(Deno.statSync(`${dataDir}/${name}`).mode! & 0o777, 0o600, name);
  }
  await server.stop();
  assert.deepEqual(
    [...Deno.readDirSync(dataDir)].map(({ name }) => name).filter((name) => /wal|shm|^\./.test(name)),
    [],
  );
  Deno.removeSync(parent, { recursive: true });
});

Deno.test("startServer names each port that is in use, and leaves nothing open", async () => {
  await using test = await startTestServer();
  const { port, udpPort, udp2Port, relayPort } = test.server;
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-start-" });
  const taken: [Partial<ServerOptions>, RegExp][] = [
    [{ listen: { host: "127.0.0.1", port } }, new RegExp(`TCP 127.0.0.1:${port}: the port is in use`)],
    [{ udpPort }, new RegExp(`UDP 127.0.0.1:${udpPort}: the port is in use`)],
    [{ udp2Port }, new RegExp(`UDP 127.0.0.1:${udp2Port}: the port is in use`)],
    [{ relayPort }, new RegExp(`UDP 127.0.0.1:${relayPort}: the port is in use`)],
  ];
  for (const [options, pattern] of taken) await refuses({ dataDir, ...options }, pattern);
  await (await startServer(anyPorts(dataDir))).stop();
  Deno.removeSync(dataDir, { recursive: true });
});

Deno.test("startServer refuses an address that is not of this machine", async () => {
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-start-" });
  await refuses({ dataDir, listen: { host: "192.0.2.1", port: 0 } }, /Cannot listen on TCP 192.0.2.1:0/);
  Deno.removeSync(dataDir, { recursive: true });
});

Deno.test("startServer refuses a second server on one data folder", async () => {
  await using test = await startTestServer();
  await refuses({ dataDir: test.dataDir }, /another server runs on it/);
});

Deno.test("startServer refuses a folder that is a file, and damaged or readable key files", async () => {
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-start-" });
  const file = `${dataDir}/file`;
  Deno.writeTextFileSync(file, "");
  await refuses({ dataDir: file }, /Cannot use the data folder/);
  await (await startServer(anyPorts(dataDir))).stop();
  for (const name of ["ed25519.key", "rsa.key", "checksum.key", "relay.key", "buri.sqlite"]) {
    const sound = Deno.readFileSync(`${dataDir}/${name}`);
    Deno.writeFileSync(`${dataDir}/${name}`, sound.slice(0, sound.length / 2));
    await refuses({ dataDir }, /damaged/);
    Deno.writeFileSync(`${dataDir}/${name}`, sound);
  }
  Deno.chmodSync(`${dataDir}/ed25519.key`, 0o644);
  await refuses({ dataDir }, /others than its owner may read it/);
  Deno.chmodSync(`${dataDir}/ed25519.key`, 0o600);
  await (await startServer(anyPorts(dataDir))).stop();
  Deno.removeSync(dataDir, { recursive: true });
});

Deno.test("startServer takes --pool for a new folder and holds to it once there are accounts", async () => {
  await using test = await startTestServer({ pool: "10.77.0.0/16" });
  await using ann = await test.join();
  assert.ok(cidr4Contains(parseCidr4("10.77.0.0/16")!, ann.address));
  await test.server.stop();
  await refuses({ dataDir: test.dataDir, pool: "10.78.0.0/16" }, /Cannot change the address pool/);
  await refuses({ dataDir: test.dataDir, pool: "everything" }, /Cannot use everything/, 2);
  const again = await startServer({ ...anyPorts(test.dataDir), pool: "10.77.0.0/16" });
  await again.stop();
});

Deno.test("startServer may give its ports and files away before it serves", async () => {
  const told: string[] = [];
  await using test = await startTestServer({ onOpen: (dataDir) => void told.push(dataDir) });
  assert.deepEqual(told, [test.dataDir]);
});

Deno.test("makeInvite names the server's keys and where it listens, whether it runs or not", async () => {
  await using test = await startTestServer();
  const running = await makeInvite({ dataDir: test.dataDir });
  const { host, port } = parseInvite(running);
  assert.deepEqual([host, port], ["127.0.0.1", test.server.port]);
  await using ann = await test.join({ pin: parseInvite(running).pin });
  await ann.settled();
  await test.server.stop();
  assert.equal(await makeInvite({ dataDir: test.dataDir }), running);
});

Deno.test("makeInvite takes a name, an IPv6 address, and a port or the one it knows", async () => {
  await using test = await startTestServer();
  const { dataDir } = test;
  const named = async (host: string) => {
    const invite = parseInvite(await makeInvite({ dataDir, host }));
    return [invite.host, invite.port];
  };
  assert.deepEqual(await named("vpn.example.org:443"), ["vpn.example.org", 443]);
  assert.deepEqual(await named("[2001:db8::1]:12975"), ["2001:db8::1", 12975]);
  assert.deepEqual(await named("192.0.2.7"), ["192.0.2.7", test.server.port]);
  for (const host of ["", "a b:1", "host:99999", "host:0", "2001:db8::1:80", "http://x:1"]) {
    await assert.rejects(makeInvite({ dataDir, host }), isUserError(/Cannot make an invite/, 2), host);
  }
});

Deno.test("makeInvite asks for an address where the server listens on all of them or never ran", async () => {
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-start-" });
  await assert.rejects(makeInvite({ dataDir }), isUserError(/no single address/, 2));
  const before = await makeInvite({ dataDir, host: "192.0.2.7:12975" });
  await (await startServer({ ...anyPorts(dataDir), listen: { host: "0.0.0.0", port: 0 } })).stop();
  await assert.rejects(makeInvite({ dataDir }), isUserError(/no single address/, 2));
  assert.equal(await makeInvite({ dataDir, host: "192.0.2.7:12975" }), before);
  Deno.removeSync(dataDir, { recursive: true });
});

Deno.test("startServer does not pass for another server when a key is gone beside its accounts", async () => {
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-start-" });
  await (await startServer(anyPorts(dataDir))).stop();
  for (const name of ["ed25519.key", "rsa.key", "checksum.key"]) {
    Deno.renameSync(`${dataDir}/${name}`, `${dataDir}/aside`);
    await refuses({ dataDir }, new RegExp(`${name} is gone`));
    Deno.renameSync(`${dataDir}/aside`, `${dataDir}/${name}`);
  }
  await (await startServer(anyPorts(dataDir))).stop();
  Deno.removeSync(`${dataDir}/buri.sqlite`);
  Deno.removeSync(`${dataDir}/ed25519.key`);
  await (await startServer(anyPorts(dataDir))).stop();
  Deno.removeSync(dataDir, { recursive: true });
});

Deno.test(needs("startServer on a full disk says so in one line and loses nothing", "linux", "root"), async () => {
  const disk = Deno.makeTempDirSync({ prefix: "buri-full-" });
  run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk);
  try {
    await (await startServer(anyPorts(`${disk}/data`))).stop();
    fillDisk(`${disk}/filler`);
    await refuses({ dataDir: `${disk}/data` }, /Cannot (use|write to) the data folder/);
    const left = [...Deno.readDirSync(`${disk}/data`)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => /^\..*\.[0-9a-f-]{36}$/.test(name)), [], "what it had begun to write");
    Deno.removeSync(`${disk}/filler`);
    await (await startServer(anyPorts(`${disk}/data`))).stop();
  } finally {
    run("umount", disk);
    Deno.removeSync(disk);
  }
});

Deno.test(
  needs("A server whose disk has filled refuses changes and says why, answers the rest, and recovers", "linux", "root"),
  async () => {
    const disk = Deno.makeTempDirSync({ prefix: "buri-full-" });
    run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk);
    try {
      Deno.mkdirSync(`${disk}/data`);
      await using test = await startTestServer({ dataDir: `${disk}/data` });
      await using ann = await test.join();
      await ann.ask("create", NETWORK);
      fillDisk(`${disk}/filler`);
      const results = [];
      for (let count = 0; count < 200; count++) {
        results.push(
          (await ann.request("setNick", { nick: `n${count}` })).words,
        );
      }
      assert.equal(results.at(-1), "the server cannot save");
      await using again = await test.connect({ ed25519: ann.ed25519, address: ann.address });
      assert.equal((await again.next("network")).head.name, NETWORK.name);
      Deno.removeSync(`${disk}/filler`);
      await again.must("setNick", { nick: "after" });
    } finally {
      run("umount", disk);
      Deno.removeSync(disk);
    }
  },
);
