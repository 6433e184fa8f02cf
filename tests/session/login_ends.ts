/** One end of a login by the machine under test, the other made by hand from the same parts. */

import { seededRandom } from "../../src/base/random.ts";
import { classicLogin, decodePlainFrame, type ServerPin } from "../../src/protocol/mod.ts";
import {
  type ClientLoginStep,
  type LoginFailure,
  type ServerLoginOptions,
  type ServerLoginRefusal,
  type ServerLoginStep,
  startClientLogin,
  startServerLogin,
  stepClientLogin,
  stepServerLogin,
} from "../../src/session/mod.ts";
import {
  answerClassicHelo,
  beginClassicLogin,
  type ClassicLoginAgreed,
  takeClassicHeloOk,
} from "../../src/session/classic_login.ts";
import { beginModernLogin, type ModernLoginAgreed, takeModernHeloOk } from "../../src/session/modern_login.ts";
import { clientIdentity, OFFERS, pinOf, SERVER } from "./parties.ts";

export const random = seededRandom(77);
export const ADDRESS = 0x0a010203;
export const PIN = pinOf(SERVER);
export const OWN = { suites: [2], offers: OFFERS };
export const CONTEXT = { server: SERVER, now: 0, random };

export function atServer(frame: Uint8Array, server: ServerLoginOptions = SERVER): ServerLoginStep {
  return stepServerLogin(startServerLogin(0).state, { on: "frame", frame }, { ...CONTEXT, server });
}

export function refusalOf({ effects }: ServerLoginStep): ServerLoginRefusal | null {
  const last = effects.at(-1);
  return last?.do === "close" ? last.reason : null;
}

export function failureOf({ effects }: ClientLoginStep): LoginFailure | null {
  const last = effects.at(-1);
  return last?.do === "fail" ? last.failure : null;
}

export function sentBy({ effects }: ServerLoginStep | ClientLoginStep): Uint8Array[] {
  return effects.flatMap((effect) => effect.do === "send" ? [effect.frame] : []);
}

/** A client of suite 1 that has the server's HELO OK. */
export function classicClient(): { server: ServerLoginStep; agreed: ClassicLoginAgreed } {
  const begun = beginClassicLogin(PIN, random);
  const server = atServer(begun.heloFrame);
  const heloOk = sentBy(server)[0]!;
  return { server, agreed: takeClassicHeloOk(begun, heloOk, decodePlainFrame(heloOk).body, random) };
}

/** A client of suite 2 that has the server's HELO OK. */
export function modernClient(): { server: ServerLoginStep; agreed: ModernLoginAgreed } {
  const begun = beginModernLogin(PIN, OWN, random);
  const server = atServer(begun.heloFrame);
  return { server, agreed: takeModernHeloOk(begun, decodePlainFrame(sentBy(server)[0]!).body, PIN)! };
}

export function say(
  { server, agreed }: { server: ServerLoginStep; agreed: ClassicLoginAgreed | ModernLoginAgreed },
  plaintext: Uint8Array,
): ServerLoginStep {
  return stepServerLogin(server.state, { on: "frame", frame: agreed.stream.seal(plaintext)! }, CONTEXT);
}

/** A client that has sent HELO, and what a server of our making answers it. */
export function classicServer(
  pin: ServerPin = PIN,
): { client: ClientLoginStep; agreed: ClassicLoginAgreed; heloOkFrame: Uint8Array } {
  const identity = clientIdentity(ADDRESS);
  const client = startClientLogin({ suite: 1, server: pin, identity, suites: [2], offers: OFFERS }, random);
  const heloFrame = sentBy(client)[0]!;
  const helo = classicLogin.helo.decode(decodePlainFrame(heloFrame).body);
  const { heloOkFrame, ...agreed } = answerClassicHelo(helo, heloFrame, random)!;
  return { client, agreed, heloOkFrame };
}

export function tellClient(client: ClientLoginStep, frame: Uint8Array): ClientLoginStep {
  return stepClientLogin(client.state, { on: "frame", frame }, random);
}
