import assert from "node:assert/strict";
import { concat } from "../../src/base/bytes.ts";
import { signRsa } from "../../src/crypto/mod.ts";
import {
  classicInitiatorInput,
  classicLogin,
  decodePlainFrame,
  encodePlainFrame,
  FRAME,
  modernLogin,
  refused,
} from "../../src/protocol/mod.ts";
import { type ServerLoginOptions, startClientLogin, stepClientLogin } from "../../src/session/mod.ts";
import { type ClassicLoginAgreed, makeClassicOk } from "../../src/session/classic_login.ts";
import { answerModernHelo } from "../../src/session/modern_login.ts";
import { ADDRESS, classicServer, failureOf, PIN, random, sentBy, tellClient } from "./login_ends.ts";
import { clientIdentity, ed25519Of, OFFERS, RSA, SERVER } from "./parties.ts";

Deno.test("stepClientLogin refuses key material made by the server, a HELO OK with more than the protocol has", () => {
  const { client, heloOkFrame } = classicServer();
  const { body } = decodePlainFrame(heloOkFrame);
  const step = tellClient(client, encodePlainFrame(FRAME.heloOk, concat(body, random.bytes(72))));
  assert.equal(failureOf(step)?.reason, "malformedAnswer");
  assert.deepEqual(sentBy(step), []);
});

Deno.test("stepClientLogin refuses a HELO OK whose public value would force the key, or is its own", () => {
  const one = new Uint8Array(256);
  one[255] = 1;
  const { client } = classicServer();
  const own = classicLogin.helo.decode(decodePlainFrame(sentBy(client)[0]!).body).publicValueI;
  for (const publicValueR of [one, new Uint8Array(256), own]) {
    const body = classicLogin.heloOk.encode({ nonceR: random.bytes(128), publicValueR });
    assert.equal(failureOf(tellClient(client, encodePlainFrame(FRAME.heloOk, body)))?.reason, "malformedAnswer");
  }
});

Deno.test("stepClientLogin does not believe AUTH OK of suite 1 under another key, over other values, or unsigned", () => {
  const cases: ((agreed: ClassicLoginAgreed) => Uint8Array)[] = [
    ({ values }) => makeClassicOk(RSA[2], values, ADDRESS, false),
    ({ values }) => makeClassicOk(SERVER.rsa!, { ...values, nonceR: random.bytes(128) }, ADDRESS, false),
    () => classicLogin.authOk.encode({ publicKey: SERVER.rsa!.publicBlob, signature: new Uint8Array(256) }),
    ({ values }) => {
      const signature = signRsa("sha1", SERVER.rsa!.privateKey, classicInitiatorInput(values));
      return classicLogin.authOk.encode({ publicKey: SERVER.rsa!.publicBlob, signature });
    },
  ];
  for (const makeOk of cases) {
    const { client, agreed, heloOkFrame } = classicServer();
    const waiting = tellClient(client, heloOkFrame);
    agreed.stream.open(sentBy(waiting)[0]!);
    const step = tellClient(waiting, agreed.stream.seal(makeOk(agreed))!);
    assert.deepEqual(failureOf(step), { reason: "serverNotAuthentic" });
  }
});

Deno.test("stepClientLogin does not believe AUTH OK of suite 1 under a blob with only one of the pinned hashes", () => {
  for (const pin of [{ ...PIN, rsaSha1: new Uint8Array(20) }, { ...PIN, rsaSha256: new Uint8Array(32) }]) {
    const { client, agreed, heloOkFrame } = classicServer(pin);
    const waiting = tellClient(client, heloOkFrame);
    agreed.stream.open(sentBy(waiting)[0]!);
    const ok = makeClassicOk(SERVER.rsa!, agreed.values, ADDRESS, false);
    assert.deepEqual(failureOf(tellClient(waiting, agreed.stream.seal(ok)!)), { reason: "serverNotAuthentic" });
  }
});

Deno.test("stepClientLogin does not believe HELO OK of suite 2 whose signature, MAC or key is another", () => {
  const identity = clientIdentity(ADDRESS);
  const other = { ...SERVER, ed25519: ed25519Of("other server") };
  const changes: [ServerLoginOptions, (said: ReturnType<typeof modernLogin.heloOk.decode>) => void][] = [
    [other, () => {}],
    [SERVER, (said) => said.signature[5]! ^= 1],
    [SERVER, (said) => said.mac[5]! ^= 1],
    [SERVER, (said) => said.suites = [1, 2]],
    [SERVER, (said) => said.offers[0]!.costNs++],
    [SERVER, (said) => said.capabilities = 2],
    [SERVER, (said) => said.ciphertext[0]! ^= 1],
    [SERVER, (said) => said.nonceR[0]! ^= 1],
  ];
  for (const [server, change] of changes) {
    const client = startClientLogin({ suite: 2, server: PIN, identity, suites: [2], offers: OFFERS }, random);
    const helo = modernLogin.helo.decode(decodePlainFrame(sentBy(client)[0]!).body);
    const answer = answerModernHelo(helo, server, random);
    assert.ok(typeof answer !== "string");
    const said = modernLogin.heloOk.decode(decodePlainFrame(answer.heloOkFrame).body);
    change(said);
    const step = tellClient(client, encodePlainFrame(FRAME.heloOk, modernLogin.heloOk.encode(said)));
    assert.deepEqual(failureOf(step), { reason: "serverNotAuthentic" });
    assert.deepEqual(sentBy(step), [], "nothing that names the client");
  }
});

Deno.test("stepClientLogin reports REFUSED with its code, and never sends another HELO", () => {
  for (const suite of [1, 2] as const) {
    const identity = clientIdentity(ADDRESS);
    const client = startClientLogin({ suite, server: PIN, identity, suites: [2, 1], offers: OFFERS }, random);
    const frame = encodePlainFrame(FRAME.refused, refused.encode({ code: 1, retryAfterSeconds: 7 }));
    const step = tellClient(client, frame);
    assert.deepEqual(failureOf(step), { reason: "refused", code: 1, retryAfterSeconds: 7 });
    assert.deepEqual(sentBy(step), []);
  }
});

Deno.test("stepClientLogin refuses an answer of the wrong kind, and one without an address", () => {
  const cases: ((agreed: ClassicLoginAgreed) => Uint8Array)[] = [
    ({ values }) => makeClassicOk(SERVER.rsa!, values, ADDRESS, true),
    () => Uint8Array.of(0x22, 0, 0, 0, 0),
    () => Uint8Array.of(),
  ];
  for (const makeOk of cases) {
    const { client, agreed, heloOkFrame } = classicServer();
    const waiting = tellClient(client, heloOkFrame);
    agreed.stream.open(sentBy(waiting)[0]!);
    assert.equal(failureOf(tellClient(waiting, agreed.stream.seal(makeOk(agreed))!))?.reason, "malformedAnswer");
  }
  const identity = clientIdentity(0);
  const client = startClientLogin({ suite: 2, server: PIN, identity, suites: [2], offers: OFFERS }, random);
  const helo = modernLogin.helo.decode(decodePlainFrame(sentBy(client)[0]!).body);
  const answer = answerModernHelo(helo, SERVER, random);
  assert.ok(typeof answer !== "string");
  const waiting = tellClient(client, answer.heloOkFrame);
  answer.stream.open(sentBy(waiting)[0]!);
  const step = tellClient(waiting, answer.stream.seal(modernLogin.registerOk.encode({ address: 0 }))!);
  assert.deepEqual(failureOf(step), { reason: "malformedAnswer", detail: "the server gave no address" });
});

Deno.test("stepClientLogin takes or ignores every event in every state as its diagram says", () => {
  const statesOf = () => {
    const begun = classicServer();
    const waiting = classicServer();
    const answered = classicServer();
    const answering = tellClient(answered.client, answered.heloOkFrame);
    answered.agreed.stream.open(sentBy(answering)[0]!);
    const ok = answered.agreed.stream.seal(makeClassicOk(SERVER.rsa!, answered.agreed.values, ADDRESS, false))!;
    const failed = stepClientLogin(begun.client.state, { on: "timer" }, random);
    return [begun.client, tellClient(waiting.client, waiting.heloOkFrame), tellClient(answering, ok), failed];
  };
  const expected: Record<string, [on: string, failure: string][]> = {
    awaitingHeloOk: [["frame", "malformedAnswer"], ["timer", "timeout"], ["closed", "closed"]],
    awaitingAnswer: [["frame", "malformedAnswer"], ["timer", "timeout"], ["closed", "closed"]],
    established: [["frame", ""], ["timer", ""], ["closed", ""]],
    failed: [["frame", ""], ["timer", ""], ["closed", ""]],
  };
  let count = 0;
  for (const index of [0, 1, 2]) {
    for (const { state } of statesOf()) {
      const [on, failure] = expected[state.at]![index]!;
      const event = on === "frame" ? { on, frame: encodePlainFrame(0x7f) } as const : { on: on as "timer" | "closed" };
      const step = stepClientLogin(state, event, random);
      assert.equal(failureOf(step)?.reason ?? "", failure, `${on} in ${state.at}`);
      if (failure === "") assert.deepEqual(step, { state, effects: [] });
      count++;
    }
  }
  assert.equal(count, 12);
});
