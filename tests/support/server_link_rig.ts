/** A link to a server in memory, driven by hand. */
import { FakeClock } from "../../src/base/clock.ts";
import { parseEndpoint, parseIpv4 } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { BetterWay } from "../../src/engine/bettering.ts";
import type { LoginError } from "../../src/engine/login_error.ts";
import { type ControlSession, ServerLink } from "../../src/engine/server_link.ts";
import type { ControlMessage, ControlMessageOf } from "../../src/protocol/mod.ts";

export const welcome: ControlMessageOf<"welcome"> = {
  type: "welcome",
  requestId: 0,
  clientId: 1,
  address: parseIpv4("10.7.0.1")!,
  poolBase: parseIpv4("10.7.0.0")!,
  poolBits: 16,
  prefix6: Uint8Array.of(0xfd, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0),
  sessionId: new Uint8Array(8),
  discoveryKey: new Uint8Array(32),
  udpPort: 1,
  udp2Port: 2,
  discoveryEndpoints: [],
  observed: parseEndpoint("1.2.3.4:5")!,
  keepaliveSeconds: 60,
  spreadSeconds: 0,
  time: 0n,
  nick: "",
  serverName: "",
  flags: 0,
};

/** The server's end of a connection in memory. */
export class FakeSession implements ControlSession {
  readonly local = parseEndpoint("127.0.0.1:1")!;
  readonly remote = parseEndpoint("127.0.0.1:2")!;
  readonly binding = new Uint8Array(32);
  readonly sent: ControlMessage[] = [];
  readonly #queue: (ControlMessage | null)[] = [];
  #wake = () => {};
  isClosed = false;

  push(message: ControlMessage | null): void {
    this.#queue.push(message);
    this.#wake();
  }

  send(message: ControlMessage): Promise<void> {
    this.sent.push(message);
    return Promise.resolve();
  }

  async receive(): Promise<ControlMessage | null> {
    while (this.#queue.length === 0 && !this.isClosed) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.isClosed ? null : this.#queue.shift()!;
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }
}

export interface Rig {
  clock: FakeClock;
  link: ServerLink;
  /** Every connection that was opened. */
  sessions: FakeSession[];
  /** What happened, in order. */
  events: string[];
  fatal: LoginError[];
}

export type Outcome = "ok" | "fails" | LoginError;

/** `opens`: what each try to connect gives; after the last one connecting works. */
export function rig(...opens: Outcome[]): Rig {
  return rigWith({}, ...opens);
}

export function rigWith(options: { better?: BetterWay }, ...opens: Outcome[]): Rig {
  const clock = new FakeClock();
  const sessions: FakeSession[] = [];
  const events: string[] = [];
  const fatal: LoginError[] = [];
  const link = new ServerLink({
    ...options,
    clock,
    random: seededRandom(7),
    log: silentLogger,
    open: () => {
      const outcome = opens.shift() ?? "ok";
      if (outcome === "fails") return Promise.reject(new Error("refused"));
      if (outcome !== "ok") return Promise.reject(outcome);
      const session = new FakeSession();
      session.push(welcome);
      sessions.push(session);
      return Promise.resolve(session);
    },
    onLogin: () => events.push("login"),
    onLogout: () => events.push("logout"),
    onMessage: (message) => events.push(message.type),
    onFatal: (error) => fatal.push(error),
  });
  return { clock, link, sessions, events, fatal };
}
