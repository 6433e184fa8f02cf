import type { Clock } from "../../base/clock.ts";
import { ProtocolError } from "../../base/errors.ts";
import type { Endpoint } from "../../base/ip.ts";
import { MappingError } from "./types.ts";

/**
 * When a request is sent, in ms after the first time: RFC 6886 section 3.1, cut off after four. RFC 6887 section 8.1.1
 * would begin with 3 s, for servers far away; a default gateway is next door, and somebody waits.
 */
const SEND_AT_MS: readonly number[] = [0, 250, 750, 1750];

/** When an unanswered request is given up, in ms after the first time. */
export const GIVE_UP_AFTER_MS = 3750;

/** A UDP socket. */
export interface DatagramPort {
  /** Sends, or loses it: errors are as good as a lost datagram. */
  send(bytes: Uint8Array, to: Endpoint): void;
  /** Closes the socket; nothing is received after it. */
  close(): Promise<void>;
}

/** Opens a UDP socket whose datagrams go to `receive`. */
export type OpenDatagramPort = (receive: (bytes: Uint8Array, from: Endpoint) => void) => DatagramPort;

/** A question by datagram. */
export interface Question<T> {
  /** Datagrams that ask it, sent together and repeated. */
  messages: readonly { bytes: Uint8Array; to: Endpoint }[];
  /** The answer in a datagram, undefined or a ProtocolError where it is none; a MappingError ends the waiting. */
  read: (bytes: Uint8Array, from: Endpoint) => T | undefined;
}

interface Waiting {
  receive: (bytes: Uint8Array, from: Endpoint) => void;
  giveUp: (reason: string) => void;
}

/** Questions and answers over one socket, which is opened with the first question. */
export class Exchange {
  readonly #open: OpenDatagramPort;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  #port: DatagramPort | null = null;

  /** `open` may throw, which is then what `ask` rejects with. */
  constructor(open: OpenDatagramPort, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** Asks until an answer comes. Rejects with MappingError: after 3.75 s of silence, or with the one that `read` threw. */
  ask<T>({ messages, read }: Question<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const cancels: (() => void)[] = [];
    const waiting: Waiting = {
      receive: (bytes, from) => {
        try {
          const answer = read(bytes, from);
          if (answer !== undefined) resolve(answer);
        } catch (error) {
          // Anyone on the LAN can send anything: what cannot be read is not the answer.
          if (!(error instanceof ProtocolError)) reject(error);
        }
      },
      giveUp: (reason) => reject(new MappingError("silent", reason)),
    };
    try {
      const port = this.#port ??= this.#open((bytes, from) => this.#receive(bytes, from));
      const send = () => messages.forEach(({ bytes, to }) => port.send(bytes, to));
      for (const at of SEND_AT_MS) {
        if (at === 0) send();
        else cancels.push(this.#clock.after(at, send));
      }
    } catch (error) {
      reject(new MappingError("silent", `no socket: ${error instanceof Error ? error.message : error}`));
    }
    cancels.push(this.#clock.after(GIVE_UP_AFTER_MS, () => waiting.giveUp("no answer")));
    this.#waiting.add(waiting);
    return promise.finally(() => {
      cancels.forEach((cancel) => cancel());
      this.#waiting.delete(waiting);
    });
  }

  /** Ends all questions with a MappingError; new ones can be asked. */
  cancel(): void {
    for (const waiting of this.#waiting) waiting.giveUp("cancelled");
  }

  /** Ends all questions and closes the socket. */
  async close(): Promise<void> {
    this.cancel();
    const port = this.#port;
    this.#port = null;
    await port?.close();
  }

  #receive(bytes: Uint8Array, from: Endpoint): void {
    for (const waiting of this.#waiting) waiting.receive(bytes, from);
  }
}
