import assert from "node:assert/strict";
import { cidr4Contains } from "../../src/base/ip.ts";
import { systemRandom } from "../../src/base/random.ts";
import { generateEd25519, generateRsaKeyPair } from "../../src/crypto/mod.ts";
import { AUTH_FAILED, GOODBYE, KEY_TYPE, REFUSED } from "../../src/protocol/mod.ts";
import { LoginFailedError } from "../support/fake_client.ts";
import { startTestServer } from "./server_support.ts";

function fails(failure: Record<string, unknown>): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LoginFailedError, String(error));
    assert.deepEqual({ ...error.failure, ...failure }, error.failure);
    return true;
  };
}

Deno.test("startServer registers a client, welcomes it, and knows it again, also after a restart", async () => {
  await using test = await startTestServer();
  const ann = await test.connect({ nick: "Ann" });
  const welcome = await ann.next("welcome");
  assert.equal(welcome.nick, "Ann");
  assert.equal(welcome.address, ann.address);
  assert.ok(cidr4Contains({ base: welcome.poolBase, bits: welcome.poolBits }, welcome.address));
  assert.equal(welcome.prefix6[0], 0xfd);
  assert.deepEqual([welcome.udpPort, welcome.udp2Port], [test.server.udpPort, test.server.udp2Port]);
  await ann.close();
  await test.restart();
  await using again = await test.connect({ ed25519: ann.ed25519, address: ann.address });
  const { clientId, poolBase, prefix6 } = await again.next("welcome");
  assert.deepEqual([clientId, poolBase, prefix6], [welcome.clientId, welcome.poolBase, welcome.prefix6]);
});

Deno.test("startServer gives a client whose REGISTER OK was lost the same account", async () => {
  await using test = await startTestServer();
  const ed25519 = generateEd25519(systemRandom());
  await using first = await test.connect({ ed25519 });
  await using second = await test.connect({ ed25519 });
  assert.equal(first.address, second.address);
});

Deno.test("startServer refuses an address nobody has, and a key that is not the account's", async () => {
  await using test = await startTestServer();
  await using ann = await test.connect();
  const stranger = { ed25519: generateEd25519(systemRandom()) };
  const noAccount = { reason: "authFailed", code: AUTH_FAILED.noSuchAccount };
  const wrongKey = { reason: "authFailed", code: AUTH_FAILED.keyDoesNotMatch };
  await assert.rejects(test.connect({ ...stranger, address: ann.address + 1 }), fails(noAccount));
  await assert.rejects(test.connect({ ...stranger, address: ann.address }), fails(wrongKey));
});

Deno.test("startServer closes without a word on a client that looks for another server", async () => {
  await using test = await startTestServer();
  const pin = { ...test.pin, ed25519: generateEd25519(systemRandom()).publicKey };
  await assert.rejects(test.connect({ pin }), fails({ reason: "closed", before: "heloOk" }));
});

Deno.test("startServer lets the newer of two logins of an account stay", async () => {
  await using test = await startTestServer();
  await using first = await test.join();
  await using second = await test.join({ ed25519: first.ed25519, address: first.address });
  assert.equal((await first.next("goodbye")).reason, GOODBYE.replaced);
  await first.closed();
  await second.settled();
});

Deno.test("startServer speaks suite 1 only where it was asked to", async () => {
  await using modern = await startTestServer();
  const rsa = await generateRsaKeyPair();
  const refusedHere = fails({ reason: "refused", code: REFUSED.suiteNotSpoken });
  await assert.rejects(modern.connect({ suite: 1, rsa }), refusedHere);
  await using both = await startTestServer({ suites: [1, 2] });
  await using ann = await both.join({ suite: 1, rsa, nick: "Ann" });
  assert.equal((await ann.request("setNick", { nick: "Anne" })).code, 0);
  await using again = await both.join({ suite: 1, rsa, address: ann.address });
  assert.equal(again.address, ann.address);
});

Deno.test("startServer lets an account registered in suite 1 with both keys log in with either suite", async () => {
  await using test = await startTestServer({ suites: [1, 2] });
  const [rsa, ed25519] = [await generateRsaKeyPair(), generateEd25519(systemRandom())];
  await using classic = await test.join({ suite: 1, rsa, ed25519 });
  await using modern = await test.connect({ ed25519, address: classic.address });
  const { clientId } = await modern.next("welcome");
  const { keys } = await modern.ask("getKeys", { clientId });
  assert.deepEqual(keys.map(({ keyType }) => keyType).sort(), [KEY_TYPE.sshRsa, KEY_TYPE.ed25519]);
  const mixed = test.connect({ suite: 1, rsa, ed25519: generateEd25519(systemRandom()) });
  await assert.rejects(mixed, fails({ reason: "authFailed", code: AUTH_FAILED.keyOfAnotherAccount }));
});

Deno.test("startServer holds at most 20 connections of one address that have not logged in", async () => {
  await using test = await startTestServer();
  const silent: Deno.TcpConn[] = [];
  for (let count = 0; count < 20; count++) {
    silent.push(await Deno.connect({ hostname: "127.0.0.1", port: test.server.port }));
  }
  await assert.rejects(test.connect(), fails({ reason: "refused", code: REFUSED.busy }));
  silent.pop()!.close();
  await using late = await retry(() => test.connect());
  assert.ok(late.isOpen);
  for (const connection of silent) connection.close();
});

/** The server may need a moment to see that a connection has ended. */
async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let count = 0; count < 50; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LoginFailedError)) throw error;
    }
  }
  return await attempt();
}

Deno.test("startServer tells its clients when it stops", async () => {
  const test = await startTestServer();
  await using ann = await test.join();
  await test[Symbol.asyncDispose]();
  assert.equal((await ann.next("goodbye")).reason, GOODBYE.serverStops);
  await ann.closed();
  await test.server.stopped;
});

Deno.test("startServer is not disturbed by 100 connections that send noise", async () => {
  await using test = await startTestServer();
  const random = systemRandom();
  for (let count = 0; count < 100; count++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: test.server.port });
    await connection.write(random.bytes(1 + random.below(600)));
    connection.close();
  }
  await using ann = await retry(() => test.join());
  await ann.settled();
  assert.deepEqual(test.complaints, []);
});
