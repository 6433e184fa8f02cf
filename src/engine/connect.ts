import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { ClientLoginOptions } from "../session/mod.ts";
import { logIn } from "./control_session.ts";
import { type Rung, rungName } from "./ladder.ts";
import { LoginError } from "./login_error.ts";
import type { ControlSession } from "./server_link.ts";
import { NoWayError, type OpenedWay, type ServerWays } from "./server_ways.ts";
import { sleep } from "./sleep.ts";

/** Before a server that closed without a word is asked once more. */
const ASK_AGAIN_MS = 300;

/** What a connection takes from outside. */
export interface ConnectMeans {
  /** Times it out. */
  clock: Clock;
  /** The system's, outside of tests. */
  random: Random;
  /** Gives up when it aborts. */
  signal: AbortSignal;
}

/**
 * Connects to the server by any way and logs in. A server that closes without a word does not own the key of the invite,
 * or is just going away: so it is asked twice before that is believed.
 *
 * @throws {LoginError}
 */
export async function connect(
  ways: ServerWays,
  login: ClientLoginOptions,
  means: ConnectMeans,
): Promise<ControlSession> {
  try {
    return await connectBy(ways.order, ways, login, means);
  } catch (error) {
    if (!(error instanceof LoginError) || error.code !== "serverKeyChanged") throw error;
    await sleep(means.clock, ASK_AGAIN_MS, means.signal);
    return await connectBy(ways.order, ways, login, means);
  }
}

/** The same by a better way than the one in use; null where there is none. */
export async function connectBetter(
  ways: ServerWays,
  login: ClientLoginOptions,
  means: ConnectMeans,
): Promise<ControlSession | null> {
  ways.triesBetter();
  try {
    return await connectBy(ways.better, ways, login, means);
  } catch (error) {
    if (error instanceof LoginError) return null;
    throw error;
  }
}

/** A way may open and yet lead elsewhere: into a firewall that answers for others, to another server. Then the next is tried. */
async function connectBy(
  order: readonly Rung[],
  ways: ServerWays,
  login: ClientLoginOptions,
  means: ConnectMeans,
): Promise<ControlSession> {
  const failures = new Map<string, LoginError>();
  const left = () => order.filter((rung) => !failures.has(rungName(rung)));
  while (left().length > 0) {
    const opened = await open(left(), ways, means.signal);
    if (opened instanceof NoWayError) {
      for (const [name, reason] of opened.reasons) failures.set(name, new LoginError(reason));
      break;
    }
    try {
      const session = await logInBy(opened, login, means);
      ways.worked(opened.rung);
      return session;
    } catch (error) {
      if (!(error instanceof LoginError) || isServersWord(error)) throw error;
      failures.set(rungName(opened.rung), error);
    }
  }
  // What the invite itself names is what people know; what became of a detour would only puzzle them.
  const [best] = order.toSorted((a, b) => a.way === "tcp" ? -1 : b.way === "tcp" ? 1 : 0);
  throw failures.get(best === undefined ? "" : rungName(best)) ?? new LoginError("there is no way to the server");
}

/** Whether it was a Buri server that refused, so that another way would lead to the same answer. */
function isServersWord({ code, isFinal, retryAfterMs }: LoginError): boolean {
  return retryAfterMs > 0 || isFinal && code !== "serverKeyChanged";
}

async function open(order: readonly Rung[], ways: ServerWays, signal: AbortSignal): Promise<OpenedWay | NoWayError> {
  try {
    return await ways.open(order, signal);
  } catch (error) {
    if (error instanceof NoWayError) return error;
    throw error;
  }
}

async function logInBy(
  { stream }: OpenedWay,
  login: ClientLoginOptions,
  { clock, random, signal }: ConnectMeans,
): Promise<ControlSession> {
  const close = () => stream.close();
  signal.addEventListener("abort", close);
  try {
    return (await logIn(stream, login, { clock, random })).session;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
