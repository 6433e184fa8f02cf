import assert from "node:assert/strict";
import { concat, equalBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { AUTH_FAILED, KEY_TYPE } from "../../src/protocol/mod.ts";
import {
  type ClientLoginOptions,
  type ServerLoginOptions,
  startClientLogin,
  startServerLogin,
  stepServerLogin,
} from "../../src/session/mod.ts";
import { LoginWorld, type Store, type Wire } from "./login_world.ts";
import { clientIdentity, ed25519Of, OFFERS, pinOf, RSA, SERVER } from "./parties.ts";

const ADDRESS = 0x0a010203;
const SUITES = [1, 2] as const;

function optionsOf(suite: 1 | 2, address: number, changes: Partial<ClientLoginOptions> = {}): ClientLoginOptions {
  return { suite, server: pinOf(SERVER), identity: clientIdentity(address), suites: [2], offers: OFFERS, ...changes };
}

/** Knows alice's keys, and gives ADDRESS to whoever registers. */
function storeOf(suite: 1 | 2): Store {
  const publicKey = suite === 2 ? ed25519Of("alice").publicKey : RSA[1].publicBlob;
  return {
    account: (address) => address === ADDRESS ? { publicKey, isDisabled: false } : null,
    register: () => ({ address: ADDRESS }),
  };
}

function login(
  client: ClientLoginOptions,
  changes: { server?: ServerLoginOptions; store?: Partial<Store>; toServer?: Wire; toClient?: Wire } = {},
): LoginWorld {
  const { server = SERVER, store = {}, ...wires } = changes;
  return new LoginWorld(client, server, { ...storeOf(client.suite), ...store }, seededRandom(5), wires);
}

for (const suite of SUITES) {
  Deno.test(`A login of suite ${suite} authenticates both ends and opens one stream between them`, () => {
    const world = login(optionsOf(suite, ADDRESS));
    const [client, server] = [world.clientLogin!, world.serverLogin!];
    assert.deepEqual([client.suite, client.address, client.isRegistration], [suite, ADDRESS, false]);
    assert.deepEqual([server.suite, server.address, server.isRegistration], [suite, ADDRESS, false]);
    assert.deepEqual(client.binding, server.binding);
    assert.equal(client.binding.length, 32);
    assert.deepEqual(server.stream.open(client.stream.seal(utf8("hello"))!), utf8("hello"));
    assert.deepEqual(client.stream.open(server.stream.seal(utf8("welcome"))!), utf8("welcome"));
    assert.deepEqual(world.asked, [`account ${ADDRESS}`]);
    assert.deepEqual([world.client.at, world.server.at], ["established", "established"]);
  });

  Deno.test(`A first login of suite ${suite} proves its keys and learns its address`, () => {
    const world = login(optionsOf(suite, 0));
    assert.deepEqual([world.clientLogin?.address, world.clientLogin?.isRegistration], [ADDRESS, true]);
    assert.deepEqual([world.serverLogin?.address, world.serverLogin?.isRegistration], [ADDRESS, true]);
    const types = suite === 2 ? [KEY_TYPE.ed25519] : [KEY_TYPE.sshRsa, KEY_TYPE.ed25519];
    assert.deepEqual(world.asked, [`register ${types}`]);
  });

  Deno.test(`A login of suite ${suite} arms the timers of the protocol`, () => {
    assert.deepEqual(login(optionsOf(suite, ADDRESS)).timers, ["server 5000", "server 10000", "client 15000"]);
  });

  Deno.test(`A login of suite ${suite} with an unknown address is answered by AUTH FAILED 1`, () => {
    const world = login(optionsOf(suite, ADDRESS + 1));
    const failure = { reason: "authFailed", code: AUTH_FAILED.noSuchAccount, message: "no such account" };
    assert.deepEqual(world.failure, failure);
    assert.deepEqual([world.refusal, world.serverLogin], ["no such account", null]);
  });

  Deno.test(`A login of suite ${suite} with a key that is not the account's is answered by AUTH FAILED 2`, () => {
    const publicKey = suite === 2 ? ed25519Of("bob").publicKey : RSA[2].publicBlob;
    for (const account of [{ publicKey, isDisabled: false }, { publicKey: null, isDisabled: false }]) {
      const world = login(optionsOf(suite, ADDRESS), { store: { account: () => account } });
      assert.equal(world.failure?.reason === "authFailed" && world.failure.code, AUTH_FAILED.keyDoesNotMatch);
      assert.deepEqual([world.refusal, world.serverLogin], ["key is not the key of the account", null]);
    }
  });

  Deno.test(`A login of suite ${suite} to a disabled account is answered by AUTH FAILED 6`, () => {
    const account = { ...storeOf(suite).account(ADDRESS)!, isDisabled: true };
    const world = login(optionsOf(suite, ADDRESS), { store: { account: () => account } });
    assert.equal(world.failure?.reason === "authFailed" && world.failure.code, AUTH_FAILED.accountDisabled);
    assert.deepEqual([world.refusal, world.serverLogin], ["account is disabled", null]);
  });

  Deno.test(`A registration of suite ${suite} that the store refuses is answered by its AUTH FAILED`, () => {
    const refused = { code: AUTH_FAILED.registrationClosed, message: "registration is closed" };
    const world = login(optionsOf(suite, 0), { store: { register: () => refused } });
    assert.deepEqual(world.failure, { reason: "authFailed", ...refused });
    assert.deepEqual([world.refusal, world.serverLogin], ["registration was refused", null]);
  });

  Deno.test(`A server without the key of the invite closes a login of suite ${suite} without a word`, () => {
    const other = { ...SERVER, ed25519: ed25519Of("other server"), rsa: RSA[2] };
    const world = login(optionsOf(suite, ADDRESS), { server: other });
    assert.deepEqual(world.failure, { reason: "closed", before: "heloOk" });
    assert.equal(world.refusal, "helo names another server");
    assert.deepEqual(world.frames.map(({ from }) => from), ["client"]);
  });

  Deno.test(`No frame of a login of suite ${suite} can be changed in any byte`, () => {
    const frames = login(optionsOf(suite, ADDRESS)).frames;
    assert.deepEqual(frames.map(({ from }) => from), ["client", "server", "client", "server"]);
    const random = seededRandom(6);
    for (const [index, { from, frame }] of frames.entries()) {
      for (let trial = 0; trial < 24; trial++) {
        const at = trial < 8 ? Math.min(trial, frame.length - 1) : random.below(frame.length);
        const wire: Wire = (passing, count) => {
          const changed = passing.slice();
          if (count === index >> 1) changed[at]! ^= 1 << random.below(8);
          return changed;
        };
        const world = login(optionsOf(suite, ADDRESS), from === "client" ? { toServer: wire } : { toClient: wire });
        assert.equal(world.clientLogin, null, `frame ${index}, byte ${at}`);
        // The server cannot know what becomes of its last frame.
        if (index < 3) assert.equal(world.serverLogin, null, `frame ${index}, byte ${at}`);
      }
    }
  });

  Deno.test(`Frames of a login of suite ${suite} that are cut short or lengthened end it`, () => {
    const cuts: ((frame: Uint8Array) => Uint8Array)[] = [
      (frame) => frame.subarray(0, frame.length - 1),
      (frame) => concat(frame, Uint8Array.of(0)),
    ];
    for (const cut of cuts) {
      for (const index of [0, 1]) {
        const wire: Wire = (frame, count) => count === index ? cut(frame) : frame;
        assert.equal(login(optionsOf(suite, ADDRESS), { toServer: wire }).serverLogin, null);
        assert.equal(login(optionsOf(suite, ADDRESS), { toClient: wire }).clientLogin, null);
      }
    }
  });

  Deno.test(`A replayed login of suite ${suite} is refused`, () => {
    const recorded = login(optionsOf(suite, ADDRESS)).frames.filter(({ from }) => from === "client");
    const context = { server: SERVER, now: 0, random: seededRandom(99) };
    let step = startServerLogin(0);
    for (const { frame } of recorded) step = stepServerLogin(step.state, { on: "frame", frame }, context);
    assert.deepEqual(step.effects.at(-1), { do: "close", reason: "protected message does not hold" });
  });
}

Deno.test("A login of suite 2 shows neither the client's key nor its address on the wire", () => {
  const wire = concat(...login(optionsOf(2, ADDRESS)).frames.map(({ frame }) => frame));
  const hidden = [ed25519Of("alice").publicKey, Uint8Array.of(0x0a, 1, 2, 3), utf8("alice")];
  for (const secret of hidden) assert.ok(!toHex(wire).includes(toHex(secret)));
  const register = concat(...login(optionsOf(2, 0)).frames.map(({ frame }) => frame));
  for (const secret of hidden) assert.ok(!toHex(register).includes(toHex(secret)));
});

Deno.test("A login of suite 2 takes the AEAD that suits both", () => {
  const slowGcm = [{ aead: 1, costNs: 9000 }, { aead: 2, costNs: 1000 }];
  const world = login(optionsOf(2, ADDRESS, { offers: slowGcm }), { server: { ...SERVER, offers: slowGcm } });
  assert.deepEqual(world.clientLogin!.stream.open(world.serverLogin!.stream.seal(utf8("x"))!), utf8("x"));
});

Deno.test("A login of suite 2 ends where the ends share no AEAD", () => {
  const server = { ...SERVER, offers: [{ aead: 2, costNs: 1 }] };
  const world = login(optionsOf(2, ADDRESS, { offers: [{ aead: 1, costNs: 1 }] }), { server });
  assert.deepEqual([world.refusal, world.serverLogin], ["no aead in common", null]);
});

Deno.test("startClientLogin refuses an identity without the key of its suite", () => {
  const identity = { ...clientIdentity(ADDRESS), rsa: null };
  assert.throws(() => startClientLogin(optionsOf(1, ADDRESS, { identity }), seededRandom(1)), /no RSA key/);
  const without = { ...clientIdentity(ADDRESS), ed25519: null };
  assert.throws(
    () => startClientLogin(optionsOf(2, ADDRESS, { identity: without }), seededRandom(1)),
    /no Ed25519 key/,
  );
});

Deno.test("A registration of suite 1 without an Ed25519 key offers one key", () => {
  const world = login(optionsOf(1, 0, { identity: { ...clientIdentity(0), ed25519: null } }));
  assert.deepEqual(world.asked, [`register ${[KEY_TYPE.sshRsa]}`]);
});

Deno.test("A client does not believe a server of suite 1 whose blob is not that of the invite", () => {
  const pin = pinOf(SERVER);
  const other = new Uint8Array(32);
  const world = login(optionsOf(1, ADDRESS, { server: { ...pin, rsaSha256: other } }));
  assert.deepEqual([world.failure, world.clientLogin], [{ reason: "serverNotAuthentic" }, null]);
});

Deno.test("Two logins share no key, nonce or binding", () => {
  for (const suite of SUITES) {
    const store = storeOf(suite);
    const worlds = [1, 2].map((seed) => new LoginWorld(optionsOf(suite, ADDRESS), SERVER, store, seededRandom(seed)));
    const [a, b] = worlds.map((world) => world.frames.map(({ frame }) => frame));
    for (const index of [0, 1, 2, 3]) assert.ok(!equalBytes(a![index]!, b![index]!));
    assert.notDeepEqual(worlds[0]!.clientLogin!.binding, worlds[1]!.clientLogin!.binding);
  }
});
