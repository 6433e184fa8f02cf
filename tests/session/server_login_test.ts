import assert from "node:assert/strict";
import { concat, utf8 } from "../../src/base/bytes.ts";
import { signEd25519, signRsa } from "../../src/crypto/mod.ts";
import {
  classicInitiatorInput,
  classicLogin,
  decodePlainFrame,
  encodePlainFrame,
  FRAME,
  KEY_TYPE,
  LOGIN,
  MODERN_VERSION,
  modernLogin,
  REFUSED,
  refused,
} from "../../src/protocol/mod.ts";
import {
  type ServerLoginEvent,
  type ServerLoginOptions,
  type ServerLoginRefusal,
  type ServerLoginStep,
  startServerLogin,
  stepServerLogin,
} from "../../src/session/mod.ts";
import { beginClassicLogin, type ClassicLoginAgreed, makeClassicAuth } from "../../src/session/classic_login.ts";
import { beginModernLogin, makeModernAuth, type ModernLoginAgreed } from "../../src/session/modern_login.ts";
import {
  ADDRESS,
  atServer,
  classicClient,
  CONTEXT,
  modernClient,
  OWN,
  PIN,
  random,
  refusalOf,
  say,
  sentBy,
} from "./login_ends.ts";
import { clientIdentity, ed25519Of, RSA, SERVER } from "./parties.ts";

Deno.test("stepServerLogin refuses a first frame that is not HELO", () => {
  assert.equal(refusalOf(atServer(encodePlainFrame(FRAME.heloOk))), "frame is not a helo");
  assert.equal(refusalOf(atServer(encodePlainFrame(FRAME.relayStream))), "frame is not a helo");
  assert.equal(refusalOf(atServer(utf8("GET / HTTP/1.1\r\n\r\n"))), "helo is malformed");
  assert.equal(refusalOf(atServer(encodePlainFrame(FRAME.helo, utf8("abc")))), "helo is malformed");
});

Deno.test("stepServerLogin refuses a HELO of suite 2 without that suite, or without AES-256-GCM on offer", () => {
  const refused = (own: typeof OWN) => refusalOf(atServer(beginModernLogin(PIN, own, random).heloFrame));
  assert.equal(refused({ ...OWN, suites: [1, 3] }), "helo is malformed");
  assert.equal(refused({ ...OWN, offers: [{ aead: 2, costNs: 1 }] }), "helo is malformed");
  assert.equal(refused({ suites: [1, 2], offers: [{ aead: 2, costNs: 1 }, { aead: 1, costNs: 9 }] }), null);
});

Deno.test("stepServerLogin answers REFUSED 1 to a suite that is off, unknown, or has no key here", () => {
  const classicHelo = beginClassicLogin(PIN, random).heloFrame;
  const modernHelo = beginModernLogin(PIN, OWN, random).heloFrame;
  const unknown = encodePlainFrame(FRAME.helo, concat(Uint8Array.of(0, 0, 0, 3), random.bytes(400)));
  const cases: [Uint8Array, ServerLoginOptions][] = [
    [classicHelo, { ...SERVER, suites: [2] }],
    [classicHelo, { ...SERVER, rsa: null }],
    [modernHelo, { ...SERVER, suites: [1] }],
    [unknown, SERVER],
  ];
  for (const [helo, server] of cases) {
    const step = atServer(helo, server);
    assert.equal(refusalOf(step), "suite is not spoken here");
    const answer = decodePlainFrame(sentBy(step)[0]!);
    assert.equal(answer.type, FRAME.refused);
    assert.equal(refused.decode(answer.body).code, REFUSED.suiteNotSpoken);
  }
});

Deno.test("stepServerLogin answers REFUSED 3 to another version of suite 2", () => {
  const helo = beginModernLogin(PIN, OWN, random).heloFrame;
  helo[4 + 1 + 4] = MODERN_VERSION + 1;
  const step = atServer(helo);
  assert.equal(refusalOf(step), "version is not spoken here");
  assert.equal(refused.decode(decodePlainFrame(sentBy(step)[0]!).body).code, REFUSED.versionNotSpoken);
});

Deno.test("stepServerLogin refuses public values that would force the key", () => {
  const forced = [0, 1].map((low) => {
    const value = new Uint8Array(256);
    value[255] = low;
    return value;
  });
  for (const publicValueI of forced) {
    const { body } = decodePlainFrame(beginClassicLogin(PIN, random).heloFrame);
    const helo = { ...classicLogin.helo.decode(body), publicValueI };
    const step = atServer(encodePlainFrame(FRAME.helo, classicLogin.helo.encode(helo)));
    assert.equal(refusalOf(step), "key agreement was refused");
  }
  const { helo } = beginModernLogin(PIN, OWN, random);
  const changes = [{ x25519I: new Uint8Array(32) }, { encapsulationKey: new Uint8Array(1184).fill(255) }];
  for (const change of changes) {
    const step = atServer(encodePlainFrame(FRAME.helo, modernLogin.helo.encode({ ...helo, ...change })));
    assert.equal(refusalOf(step), "key agreement was refused");
  }
});

Deno.test("stepServerLogin refuses by name an AUTH that was signed without cryptoSuite", () => {
  const client = classicClient();
  const signature = signRsa("sha1", RSA[1].privateKey, classicInitiatorInput(client.agreed.values));
  const asked = say(client, classicLogin.auth.encode({ identity: ADDRESS, signature }));
  const account = { publicKey: RSA[1].publicBlob, isDisabled: false };
  const step = stepServerLogin(asked.state, { on: "account", account }, CONTEXT);
  assert.equal(refusalOf(step), "auth without cryptoSuite");
  assert.equal(sentBy(step).length, 1, "AUTH FAILED");
});

Deno.test("stepServerLogin refuses a REGISTER whose proofs do not hold, each alone", () => {
  const proofsOf = (agreed: ClassicLoginAgreed) =>
    classicLogin.register.decode(makeClassicAuth(clientIdentity(0), RSA[1], agreed));
  const changed = [0, 1];
  for (const index of changed) {
    const client = classicClient();
    const register = proofsOf(client.agreed);
    const { keyType } = register.keys[index]!;
    const proof = keyType === KEY_TYPE.sshRsa
      ? signRsa("sha256", RSA[1].privateKey, utf8("something else"))
      : signEd25519(ed25519Of("alice").privateKey, utf8("something else"));
    register.keys[index]!.proof = proof;
    assert.equal(refusalOf(say(client, classicLogin.register.encode(register))), "proof of possession does not hold");
  }
});

Deno.test("stepServerLogin refuses a REGISTER with the proofs of another connection", () => {
  const [victim, attacker] = [classicClient(), classicClient()];
  const register = makeClassicAuth(clientIdentity(0), RSA[1], victim.agreed);
  assert.equal(refusalOf(say(attacker, register)), "proof of possession does not hold");
});

Deno.test("stepServerLogin refuses a REGISTER that does not offer one RSA key and at most one Ed25519 key", () => {
  const pick: ((keys: { keyType: number }[]) => { keyType: number }[])[] = [
    ([rsa]) => [rsa!, rsa!],
    ([, ed25519]) => [ed25519!],
    ([rsa, ed25519]) => [rsa!, ed25519!, ed25519!],
    ([rsa, ed25519]) => [rsa!, { ...ed25519!, keyType: 3 }],
  ];
  for (const choose of pick) {
    const client = classicClient();
    const register = classicLogin.register.decode(makeClassicAuth(clientIdentity(0), RSA[1], client.agreed));
    const keys = choose(register.keys) as typeof register.keys;
    const step = say(client, classicLogin.register.encode({ ...register, keys }));
    assert.equal(refusalOf(step), "keys offered are not one of each type");
  }
});

Deno.test("stepServerLogin refuses an AUTH of suite 2 whose signature or MAC does not hold, before it looks anything up", () => {
  const auth = (agreed: ModernLoginAgreed) =>
    modernLogin.auth.decode(makeModernAuth(clientIdentity(ADDRESS), ed25519Of("alice"), agreed));
  const changes: ((auth: ReturnType<typeof modernLogin.auth.decode>) => void)[] = [
    (said) => said.signature[0]! ^= 1,
    (said) => said.mac[0]! ^= 1,
    (said) => said.address++,
    (said) => said.publicKey = ed25519Of("bob").publicKey,
  ];
  for (const change of changes) {
    const client = modernClient();
    const said = auth(client.agreed);
    change(said);
    const step = say(client, modernLogin.auth.encode(said));
    assert.equal(refusalOf(step), "identity does not hold");
    assert.ok(!step.effects.some((effect) => effect.do === "lookUp"));
  }
});

Deno.test("stepServerLogin refuses a REGISTER of suite 2 whose signature or MAC does not hold, before it registers anything", () => {
  const changes: ((register: ReturnType<typeof modernLogin.register.decode>) => void)[] = [
    (said) => said.signature[0]! ^= 1,
    (said) => said.mac[0]! ^= 1,
    (said) => said.publicKey = ed25519Of("bob").publicKey,
  ];
  for (const change of changes) {
    const client = modernClient();
    const said = modernLogin.register.decode(makeModernAuth(clientIdentity(0), ed25519Of("alice"), client.agreed));
    change(said);
    const step = say(client, modernLogin.register.encode(said));
    assert.equal(refusalOf(step), "identity does not hold");
    assert.ok(!step.effects.some((effect) => effect.do === "register"));
  }
});

Deno.test("stepServerLogin does not take a REGISTER's signature for an AUTH, nor the other way round", () => {
  const first = modernClient();
  const register = modernLogin.register.decode(makeModernAuth(clientIdentity(0), ed25519Of("alice"), first.agreed));
  const asAuth = modernLogin.auth.encode({ ...register, address: 0 });
  assert.equal(refusalOf(say(first, asAuth)), "identity does not hold");
});

Deno.test("stepServerLogin refuses malformed, unknown and empty protected messages", () => {
  const cases: [Uint8Array, ServerLoginRefusal][] = [
    [Uint8Array.of(), "message is neither auth nor register"],
    [Uint8Array.of(LOGIN.authOk), "message is neither auth nor register"],
    [Uint8Array.of(0x22, 0, 0, 0, 1), "message is neither auth nor register"],
    [Uint8Array.of(LOGIN.auth, 1), "auth is malformed"],
    [Uint8Array.of(LOGIN.register, 1), "auth is malformed"],
  ];
  for (const [plaintext, reason] of cases) {
    assert.equal(refusalOf(say(modernClient(), plaintext)), reason);
    assert.equal(refusalOf(say(classicClient(), plaintext)), reason);
  }
});

type ServerEventName = ServerLoginEvent["on"];

const SERVER_EVENTS: Record<ServerEventName, ServerLoginEvent> = {
  frame: { on: "frame", frame: encodePlainFrame(0x7f) },
  account: { on: "account", account: null },
  registered: { on: "registered", address: ADDRESS },
  registrationRefused: { on: "registrationRefused", code: 4, message: "closed" },
  timer: { on: "timer" },
  closed: { on: "closed" },
};

/** State and event to the state after; the states that are left out of a row ignore the event. */
const SERVER_TABLE: Record<string, Partial<Record<ServerEventName, string>>> = {
  awaitingHelo: { frame: "closed", timer: "closed", closed: "closed" },
  awaitingAuth: { frame: "closed", timer: "closed", closed: "closed" },
  awaitingAccount: { frame: "closed", account: "closed", closed: "closed" },
  awaitingRegistration: {
    frame: "closed",
    registered: "established",
    registrationRefused: "closed",
    closed: "closed",
  },
  established: {},
  closed: {},
};

function serverStates(): ServerLoginStep[] {
  const [auth, register] = [modernClient(), modernClient()];
  const identity = clientIdentity(ADDRESS);
  const asking = say(auth, makeModernAuth(identity, identity.ed25519!, auth.agreed));
  const registering = say(register, makeModernAuth(clientIdentity(0), identity.ed25519!, register.agreed));
  const account = { publicKey: identity.ed25519!.publicKey, isDisabled: false };
  const established = modernClient();
  const asked = say(established, makeModernAuth(identity, identity.ed25519!, established.agreed));
  return [
    startServerLogin(0),
    modernClient().server,
    asking,
    registering,
    stepServerLogin(asked.state, { on: "account", account }, CONTEXT),
    atServer(encodePlainFrame(0x7f)),
  ];
}

Deno.test("stepServerLogin takes or ignores every event in every state as its diagram says", () => {
  let count = 0;
  for (const [name, event] of Object.entries(SERVER_EVENTS)) {
    // Anew for each event: a stream that was closed by one must not stand in the next.
    for (const { state } of serverStates()) {
      const step = stepServerLogin(state, event, CONTEXT);
      const expected = SERVER_TABLE[state.at]![name as ServerEventName];
      assert.equal(step.state.at, expected ?? state.at, `${name} in ${state.at}`);
      if (expected === undefined) assert.deepEqual(step.effects, [], `${name} in ${state.at}`);
      count++;
    }
  }
  assert.equal(count, 36);
});

Deno.test("stepServerLogin gives AUTH what is left of ten seconds from the connection", () => {
  const { state } = startServerLogin(1000);
  const frame = beginModernLogin(PIN, OWN, random).heloFrame;
  const step = stepServerLogin(state, { on: "frame", frame }, { ...CONTEXT, now: 5500 });
  assert.deepEqual(step.effects.at(-1), { do: "arm", ms: 5500 });
});
