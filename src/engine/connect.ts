import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Invite } from "../protocol/mod.ts";
import type { ClientLoginOptions } from "../session/mod.ts";
import { connectTcp, type StreamConnection } from "../transport/stream.ts";
import { logIn } from "./control_session.ts";
import { LoginError } from "./login_error.ts";
import type { ControlSession } from "./server_link.ts";
import { sleep } from "./sleep.ts";

/** How long a TCP connection may take to come about. */
const CONNECT_TIMEOUT_MS = 10_000;

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
 * Connects to the server of an invite and logs in. A server that closes without a word does not own the key of the invite,
 * or is just going away: so it is asked twice before that is believed.
 *
 * @throws {LoginError}
 */
export async function connect(invite: Invite, login: ClientLoginOptions, means: ConnectMeans): Promise<ControlSession> {
  try {
    return await connectOnce(invite, login, means);
  } catch (error) {
    if (!(error instanceof LoginError) || error.code !== "serverKeyChanged") throw error;
    await sleep(means.clock, ASK_AGAIN_MS, means.signal);
    return await connectOnce(invite, login, means);
  }
}

async function connectOnce(
  { host, port }: Invite,
  login: ClientLoginOptions,
  { clock, random, signal }: ConnectMeans,
): Promise<ControlSession> {
  let stream: StreamConnection;
  try {
    stream = await connectTcp({ hostname: host, port, timeoutMs: CONNECT_TIMEOUT_MS, signal });
  } catch (error) {
    throw new LoginError(error instanceof Error ? error.message : String(error));
  }
  const close = () => stream.close();
  signal.addEventListener("abort", close);
  try {
    return (await logIn(stream, login, { clock, random })).session;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
