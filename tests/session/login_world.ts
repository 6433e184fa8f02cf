/** A client login and a server login with a wire between them that a test can read and change. */

import type { Random } from "../../src/base/random.ts";
import {
  type ClientLogin,
  type ClientLoginEffect,
  type ClientLoginEvent,
  type ClientLoginOptions,
  type ClientLoginState,
  type KnownAccount,
  type LoginFailure,
  type ProvenKey,
  type ServerLogin,
  type ServerLoginEffect,
  type ServerLoginEvent,
  type ServerLoginOptions,
  type ServerLoginRefusal,
  type ServerLoginState,
  startClientLogin,
  startServerLogin,
  stepClientLogin,
  stepServerLogin,
} from "../../src/session/mod.ts";

/** How the store under the server answers. */
export interface Store {
  account(address: number): KnownAccount | null;
  register(keys: ProvenKey[]): { address: number } | { code: number; message: string };
}

/** Changes a frame on its way, holds it back (null), or lets it pass. */
export type Wire = (frame: Uint8Array, index: number) => Uint8Array | null;

const pass: Wire = (frame) => frame;

/** One login. */
export class LoginWorld {
  now = 1000;
  client: ClientLoginState;
  server: ServerLoginState;
  readonly frames: { from: "client" | "server"; frame: Uint8Array }[] = [];
  readonly timers: string[] = [];
  readonly asked: string[] = [];
  clientLogin: ClientLogin | null = null;
  serverLogin: ServerLogin | null = null;
  failure: LoginFailure | null = null;
  refusal: ServerLoginRefusal | null = null;
  #counts = { client: 0, server: 0 };
  readonly #random: Random;
  readonly #serverOptions: ServerLoginOptions;
  readonly #store: Store;
  readonly #toServer: Wire;
  readonly #toClient: Wire;

  /** Runs the login to its end, whatever that is. */
  constructor(
    client: ClientLoginOptions,
    server: ServerLoginOptions,
    store: Store,
    random: Random,
    wires: { toServer?: Wire; toClient?: Wire } = {},
  ) {
    this.#random = random;
    this.#serverOptions = server;
    this.#store = store;
    this.#toServer = wires.toServer ?? pass;
    this.#toClient = wires.toClient ?? pass;
    const serverStart = startServerLogin(this.now);
    this.server = serverStart.state;
    this.#doAtServer(serverStart.effects);
    const clientStart = startClientLogin(client, random);
    this.client = clientStart.state;
    this.#doAtClient(clientStart.effects);
  }

  /** Something happens at the client. */
  atClient(event: ClientLoginEvent): void {
    const step = stepClientLogin(this.client, event, this.#random);
    this.client = step.state;
    this.#doAtClient(step.effects);
  }

  /** Something happens at the server. */
  atServer(event: ServerLoginEvent): void {
    const context = { server: this.#serverOptions, now: this.now, random: this.#random };
    const step = stepServerLogin(this.server, event, context);
    this.server = step.state;
    this.#doAtServer(step.effects);
  }

  #doAtClient(effects: ClientLoginEffect[]): void {
    for (const effect of effects) {
      if (effect.do === "send") this.#carry("client", effect.frame);
      else if (effect.do === "arm") this.timers.push(`client ${effect.ms}`);
      else if (effect.do === "established") this.clientLogin = effect.login;
      else if (effect.do === "fail") this.failure = effect.failure;
    }
  }

  #doAtServer(effects: ServerLoginEffect[]): void {
    for (const effect of effects) {
      if (effect.do === "send") this.#carry("server", effect.frame);
      else if (effect.do === "arm") this.timers.push(`server ${effect.ms}`);
      else if (effect.do === "established") this.serverLogin = effect.login;
      else if (effect.do === "close") this.#close(effect.reason);
      else if (effect.do === "lookUp") this.#lookUp(effect.address);
      else if (effect.do === "register") this.#register(effect.keys);
    }
  }

  #close(reason: ServerLoginRefusal): void {
    this.refusal = reason;
    this.atClient({ on: "closed" });
  }

  #lookUp(address: number): void {
    this.asked.push(`account ${address}`);
    this.atServer({ on: "account", account: this.#store.account(address) });
  }

  #register(keys: ProvenKey[]): void {
    this.asked.push(`register ${keys.map(({ keyType }) => keyType)}`);
    const answer = this.#store.register(keys);
    this.atServer("code" in answer ? { on: "registrationRefused", ...answer } : { on: "registered", ...answer });
  }

  #carry(from: "client" | "server", frame: Uint8Array): void {
    this.frames.push({ from, frame });
    const wire = from === "client" ? this.#toServer : this.#toClient;
    const carried = wire(frame, this.#counts[from]++);
    if (carried === null) return;
    if (from === "client") this.atServer({ on: "frame", frame: carried });
    else this.atClient({ on: "frame", frame: carried });
  }
}
