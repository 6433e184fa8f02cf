/**
 * Measures how long our NAT keeps a mapping open: a socket of its own opens one towards the server's first socket, is
 * silent, and then has the server send from there (DISCOVER to the second socket with flags bit 0, docs/PROTOCOL.md,
 * section 11). What arrives says that the mapping was still open. The tunnels are not touched.
 *
 * A NAT that lets in what comes from another port anyway cannot be measured so; then the safe interval stays.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Endpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { KeepaliveSearch } from "../nat/keepalive.ts";
import { DISCOVER_FLAG, DISCOVERY_SOCKET } from "../protocol/mod.ts";
import type { SpareSocket } from "../transport/spare_socket.ts";
import type { Discovery } from "./discovery.ts";

/** After a login there is more important work. */
const START_AFTER_MS = 5_000;

/** NATs keep a mapping longer that was used in both directions and for some time (Linux: two seconds). */
const RIPEN_MS = 3_000;

/** How long an answer may take, and how many times it is asked for. */
const ANSWER_MS = 700;
const TRIES = 3;

/** A measurement that came to nothing is repeated after this. */
const REPEAT_AFTER_MS = 30_000;

/** As long as nothing is to be measured it is asked again whether there is. */
const LOOK_AGAIN_MS = 60_000;

/** Opens what only our own question to that server can have opened. The server ignores it. */
const OPENER = new Uint8Array(64);

/** What a measurement works with. */
export interface LifetimeOptions {
  /** Time. */
  clock: Clock;
  /** Where it tells what it found. */
  log: Logger;
  /** Makes questions and reads answers. */
  discovery: Pick<Discovery, "ask" | "open" | "first" | "second">;
  /** Opens a socket that is nobody else's. @throws {Error} when the system refuses */
  openSocket(to: Endpoint, receive: (bytes: Uint8Array) => void): SpareSocket;
  /** Silent paths need a keepalive this often from now on. */
  onInterval(ms: number): void;
}

/** Thrown inside when the measurement was cancelled. */
class Cancelled extends Error {}

/** Measures one login long. */
export class MappingLifetime {
  readonly #options: LifetimeOptions;
  readonly #search = new KeepaliveSearch();
  #run = 0;
  #socket: SpareSocket | null = null;
  #cancelWait = () => {};
  #open: { counter: bigint; answered: () => void } | null = null;

  /** Begins soon. */
  constructor(options: LifetimeOptions) {
    this.#options = options;
    void this.#measureAll();
  }

  /** Another network: begins anew. */
  networkChanged(): void {
    this.stop();
    this.#search.restart();
    this.#options.onInterval(this.#search.intervalMs);
    void this.#measureAll();
  }

  /** A mapping of the tunnels was lost while they were silent. */
  lost(): void {
    this.#search.lost(this.#options.clock.now());
    this.#options.onInterval(this.#search.intervalMs);
  }

  /** Ends whatever runs. */
  stop(): void {
    this.#run++;
    this.#cancelWait();
    this.#socket?.close();
    this.#socket = null;
  }

  async #measureAll(): Promise<void> {
    const run = ++this.#run;
    const { clock, log, onInterval } = this.#options;
    try {
      await this.#wait(START_AFTER_MS, run);
      for (;;) {
        const silenceMs = this.#search.nextSilenceMs(clock.now());
        if (silenceMs === null) {
          await this.#wait(LOOK_AGAIN_MS, run);
          continue;
        }
        const isAlive = await this.#measure(silenceMs, run);
        if (isAlive === null) {
          await this.#wait(REPEAT_AFTER_MS, run);
          continue;
        }
        this.#search.measured({ silenceMs, isAlive });
        const intervalMs = this.#search.intervalMs;
        log.debug("measured how long the NAT keeps a mapping", { silenceMs, isAlive, intervalMs });
        onInterval(intervalMs);
      }
    } catch (error) {
      if (!(error instanceof Cancelled)) log.debug("no measurement of the NAT's lifetimes", { error });
    }
  }

  /** Whether a mapping survives the silence; null = it could not be told. */
  async #measure(silenceMs: number, run: number): Promise<boolean | null> {
    const { first, second } = this.#options.discovery;
    if (first === null || second === null) return null;
    const socket = this.#options.openSocket(first, (bytes) => this.#take(bytes));
    this.#socket = socket;
    try {
      // What comes in before we have spoken to where it comes from would come in after any silence.
      if (await this.#isHeard(socket, second, run)) return null;
      for (let round = 0; round < 2; round++) {
        if (round > 0) await this.#wait(RIPEN_MS, run);
        socket.send(OPENER, first);
        if (!await this.#isHeard(socket, second, run)) return null;
      }
      await this.#wait(silenceMs, run);
      if (await this.#isHeard(socket, second, run)) return true;
      // Dead, unless the server is out of reach altogether.
      socket.send(OPENER, first);
      return await this.#isHeard(socket, second, run) ? false : null;
    } finally {
      socket.close();
      if (this.#socket === socket) this.#socket = null;
    }
  }

  /** Whether something that the server's first socket sends comes in. */
  async #isHeard(socket: SpareSocket, second: Endpoint, run: number): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      const { counter, datagram } = this.#options.discovery.ask(DISCOVER_FLAG.answerFromOtherSocket);
      let isHeard = false;
      this.#open = {
        counter,
        answered: () => {
          isHeard = true;
          this.#cancelWait();
        },
      };
      socket.send(datagram, second);
      await this.#wait(ANSWER_MS, run);
      if (isHeard) return true;
    }
    return false;
  }

  #take(bytes: Uint8Array): void {
    const answer = this.#options.discovery.open(bytes);
    if (answer === null || answer.socket !== DISCOVERY_SOCKET.udpPort) return;
    if (answer.counter === this.#open?.counter) this.#open.answered();
  }

  /** Ends early at a `#cancelWait`. @throws {Cancelled} when another run has begun, or none is to go on */
  async #wait(ms: number, run: number): Promise<void> {
    if (run !== this.#run) throw new Cancelled();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(ms, resolve);
    this.#cancelWait = () => {
      cancel();
      resolve();
    };
    await promise;
    if (run !== this.#run) throw new Cancelled();
  }
}
