import type { Logger } from "../../base/log.ts";
import type { ControlConnection, EngineControl, FindingView } from "../../ipc/mod.ts";
import type { HttpProxy } from "../../transport/http_proxy.ts";
import type { MatrixOptions } from "../../lab/nat_matrix.ts";
import type { PairResult } from "../../lab/pair_run.ts";
import type { Form, ViewOptions } from "../../tui/mod.ts";
import type { PackOptions } from "./packed_program.ts";

/** The name the program was started under. `hamachi` speaks that program's sentences to those who look for them. */
export type ProgramName = "buri" | "hamachi";

/** Why a run ends early: the abort reason of `Context.signal`. */
export class Interrupted extends Error {
  /** What the process was sent. */
  readonly signalName: "SIGINT" | "SIGTERM";

  /** `signalName` as the system calls it. */
  constructor(signalName: "SIGINT" | "SIGTERM") {
    super(`interrupted by ${signalName}`);
    this.name = "Interrupted";
    this.signalName = signalName;
  }
}

/** What `buri server` needs of the mediation server. */
export interface ServerOptions {
  /** Folder of the server's keys and database. */
  dataDir: string;
  /** Where the control port listens; port 0 = any. */
  listen: { host: string; port: number };
  /** First discovery port, 0 = any. */
  udpPort: number;
  /** Second discovery port, 0 = any. */
  udp2Port: number;
  /** Another address of this machine. */
  address2?: string;
  /** Port of the server's own relay, 0 = any. */
  relayPort: number;
  /** Port for those whom only TLS reaches, 0 = any; `isOptional`: it may do without. Left out: none. */
  tls?: { port: number; isOptional: boolean };
  /** Address pool as a CIDR block; without it the one of the data folder, or a random one. */
  pool?: string;
  /** Suites it accepts, 1 and 2. */
  suites: number[];
  /** Policy file; without it everything is allowed. */
  policyFile?: string;
  /** Where it reports. */
  log: Logger;
}

/** A mediation server that serves. */
export interface RunningServer {
  /** Host it listens on. */
  host: string;
  /** Control port that was bound. */
  port: number;
  /** First discovery port that was bound. */
  udpPort: number;
  /** Second discovery port that was bound. */
  udp2Port: number;
  /** Relay port that was bound. */
  relayPort: number;
  /** TLS port that was bound; null = none. */
  tlsPort: number | null;
  /** Resolves when it has ended, rejects when it failed. */
  stopped: Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** What `buri up` needs of the engine. */
export interface EngineOptions {
  /** Absolute path of the state folder. */
  stateDir: string;
  /** Whether to accept another key or a lower suite of a known server. */
  acceptNew?: boolean;
  /** Invite of the server, when it was given. */
  server?: string;
  /** Nickname to set. */
  nick?: string;
  /** Name of the tunnel device, `none` = without one. */
  device?: string;
  /** Local UDP port, 0 = any. */
  udpPort?: number;
  /** Whether routers may be asked to map it. */
  mapsPort?: boolean;
  /** HTTP proxy, null = none; left out: the one of the environment. */
  proxy?: HttpProxy | null;
  /** Suite to speak. */
  suite: 1 | 2;
  /** Where it reports. */
  log: Logger;
  /** Aborts when it should give up starting. */
  signal: AbortSignal;
}

/** An engine that is logged in and has its device up. */
export interface RunningEngine {
  /** Own virtual IPv4 address. */
  address4: string;
  /** Own virtual IPv6 address. */
  address6: string;
  /** The engine, without a socket between. */
  control: EngineControl;
  /** Resolves when it has ended, by `down` too; rejects when it failed. */
  stopped: Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** What one limit of a plan may be. */
export type LimitValue = string | number | boolean | null;

/** What a server allows, by plan. */
export interface PolicyView {
  /** `open` or `hamachi`. */
  name: string;
  /** Plan of new accounts. */
  defaultPlan: string;
  /** Limits by the names that a policy file has for them. */
  plans: Readonly<Record<"free" | "premium", Readonly<Record<string, LimitValue>>>>;
}

/** An account of a server, for its operator. */
export interface AccountView {
  /** Client id, `ddd-ddd-ddd`. */
  id: string;
  /** Nickname, may be empty. */
  nick: string;
  /** Virtual IPv4 address. */
  address4: string;
  /** `free` or `premium`. */
  plan: string;
  /** Networks it is in. */
  networkCount: number;
}

/** The long-running parts of Buri, loaded only by the command that needs one. */
export interface Roles {
  /** Rejects with `UserError` when it cannot serve. */
  startServer(options: ServerOptions): Promise<RunningServer>;
  /** Reads a policy file, or gives the policy without one. Rejects with `UserError`. */
  readPolicy(file: string | undefined): Promise<PolicyView>;
  /** Shows an account of a data folder, after giving it `plan`. Rejects with `UserError`. */
  showAccount(options: { dataDir: string; id: string; plan?: "free" | "premium" }): Promise<AccountView>;
  /** The invite of a data folder. Rejects with `UserError`. */
  makeInvite(options: { dataDir: string; host?: string }): Promise<string>;
  /** Resolves when logged in, to null when ended before that. Rejects with `UserError`, or with the signal's reason. */
  startEngine(options: EngineOptions): Promise<RunningEngine | null>;
  /** Writes a backup of the engine in a state folder; gives the number of files in it. Rejects with `UserError`. */
  makeBackup(options: { stateDir: string; file: string; password: string }): Promise<number>;
  /** Brings one back; gives the number of files. Rejects with `UserError`. */
  restoreBackup(options: { stateDir: string; file: string; password: string; force: boolean }): Promise<number>;
  /** Why this user could not make a tunnel device. */
  checkTun(): Promise<readonly FindingView[]>;
  /** Writes a copy of a program with an invite inside; gives its length in bytes. Rejects with `UserError`. */
  packProgram(options: PackOptions): Promise<number>;
  /** Runs pairs of NATs in laboratories, with this program in them. Rejects with `UserError`. */
  runMatrix(options: Omit<MatrixOptions, "program">): Promise<PairResult[]>;
  /** Shows the engine on the whole screen of this terminal until the person quits or the signal aborts. */
  runView(options: Omit<ViewOptions, "terminal" | "clock">): Promise<void>;
}

/** The world as a command sees it, so that tests can be one. */
export interface Context {
  /** See `ProgramName`. */
  readonly program: ProgramName;
  /** Prints one line on stdout, through `safe()`; false when nobody reads it any more, so that what goes on and on can end. */
  print(line: string): boolean;
  /** Prints one line on stderr, through `safe()`. */
  complain(line: string): void;
  /** Whether a person sits at stdin and stdout: a terminal that can do more than print. */
  readonly isInteractive: boolean;
  /** Asks that person. Rejects with `Interrupted` when the person leaves. Only where `isInteractive`. */
  ask(questions: Form["questions"]): Promise<readonly string[]>;
  /** The next line of stdin without its end, however it came; null = there is none. */
  readLine(): Promise<string | null>;
  /** Aborts, with an `Interrupted` as its reason, when a person or the system ends the program. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970, for log lines. */
  wallMs(): number;
  /** The state folder that `--state` names, or the default one: an absolute path. */
  stateDir(option: string | undefined): string;
  /** Connects to the engine of that folder. Rejects with `EngineUnreachableError`. */
  connect(stateOption: string | undefined): Promise<ControlConnection>;
  /** See `Roles`. */
  readonly roles: Roles;
}
