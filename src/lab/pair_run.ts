/**
 * One run of the matrix: two computers behind NATs of given kinds join one network, and their engines' logs say when and
 * which way they found to each other.
 *
 * @module
 */
import { LabBuri, type LabMember, type LogEvent } from "./buri.ts";
import { type ExpectedRoute, expectedRoute, isExpected, type MatrixKind } from "./expected_routes.ts";
import { type Home, Internet } from "./internet.ts";
import { Lab } from "./lab.ts";
import { NAT_KINDS } from "./nat_kinds.ts";

/** What to run. */
export interface PairOrder {
  /** The computer that joins last and sends first. */
  first: MatrixKind;
  /** The one that is there already. */
  second: MatrixKind;
  /** Draws what is left to chance. */
  seed: number;
}

/** What came of it. Times are milliseconds since the first engine asked for the tunnel. */
export interface PairResult extends PairOrder {
  /** By the table. */
  expected: ExpectedRoute;
  /** The path in use at the end; null = packets do not pass. */
  found: "direct" | "relay" | null;
  /** Until both ends could send packets, whichever way; null = never. */
  firstPacketMs: number | null;
  /** Until both ends used a direct path; null = never. */
  directMs: number | null;
  /** Whether `found` is as expected. */
  isExpected: boolean;
  /** Why it came to nothing; null = it did not. */
  failure: string | null;
}

/** How long a path may take that has to come, and one that has to be searched for. */
const DIRECT_WITHIN_MS = 15_000;
const SEARCH_WITHIN_MS = 30_000;
/** How long nothing better must come where only a relay is expected: several rounds of probes. */
const RELAY_FOR_MS = 4_000;
const LOOK_EVERY_MS = 50;
const LAST_LOCAL_PORT = 65_000;
const FIRST_LOCAL_PORT = 20_100;

/** Runs one pair in a laboratory of its own, of which nothing is left. An abort makes it fail soon. */
export async function runPair(
  order: PairOrder,
  program: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<PairResult> {
  const folder = Deno.makeTempDirSync({ prefix: "buri-lab-" });
  // The server gives up root; it has to be able to walk to its own folder then.
  Deno.chmodSync(folder, 0o755);
  using open = new DisposableStack();
  const lab = new Lab();
  const close = () => void lab.close();
  signal.addEventListener("abort", close);
  const expected = expectedRoute(order.first, order.second);
  const result: PairResult = {
    ...order,
    expected,
    found: null,
    firstPacketMs: null,
    directMs: null,
    isExpected: false,
    failure: null,
  };
  try {
    const members = await meet(order, new LabBuri({ lab, program, folder }), new Internet(lab), open);
    Object.assign(result, await watch(members, expected, signal));
  } catch (error) {
    result.failure = error instanceof Error ? error.message : String(error);
  } finally {
    signal.removeEventListener("abort", close);
    await lab.close();
    Deno.removeSync(folder, { recursive: true });
  }
  result.isExpected = isExpected(expected, result.found);
  return result;
}

/** Builds the world and lets the two join one network. */
async function meet(
  order: PairOrder,
  buri: LabBuri,
  internet: Internet,
  open: DisposableStack,
): Promise<[LabMember, LabMember]> {
  const server = internet.addPublicHost("server");
  const invite = await buri.server(server.host, server.addresses[0]!);
  const homes = addHomes(internet, order);
  const ports = localPorts(order.seed);
  const up = async ({ host, startProxy, startMapper }: MatrixHome, port: number) => {
    await startMapper?.();
    const proxy = startProxy === null ? null : open.use(await startProxy());
    return await buri.up(host, invite, ["--port", String(port), ...(proxy === null ? [] : ["--proxy", proxy.url])]);
  };
  const [first, second] = await Promise.all([up(homes[0], ports[0]), up(homes[1], ports[1])]);
  await second.must("create", "matrix", "");
  await first.must("join", "matrix", "");
  return [first, second];
}

type MatrixHome = Pick<Home, "host" | "startProxy" | "startMapper">;

function addHomes(internet: Internet, { first, second }: PairOrder): [MatrixHome, MatrixHome] {
  let neighbour: Home | undefined;
  const add = (name: string, kind: MatrixKind): MatrixHome => {
    if (kind === "public") return { host: internet.addPublicHost(name).host, startProxy: null, startMapper: null };
    const isShared = first === second && NAT_KINDS[kind].sharesCarrier === true;
    const home = internet.addHome(name, kind, isShared ? neighbour : undefined);
    neighbour = home;
    return home;
  };
  return [add("home1", first), add("home2", second)];
}

/** Two ports that differ from seed to seed, and by the same seed do not. */
function localPorts(seed: number): [number, number] {
  const range = LAST_LOCAL_PORT - FIRST_LOCAL_PORT;
  const draw = (salt: number) => FIRST_LOCAL_PORT + (Math.imul(seed * 2 + salt + 1, 0x9e3779b1) >>> 0) % range;
  return [draw(0), draw(1)];
}

type Found = Pick<PairResult, "found" | "firstPacketMs" | "directMs">;

/** Waits until the expected path is in use or its time is over, then sends a packet each way. */
async function watch(
  members: [LabMember, LabMember],
  expected: ExpectedRoute,
  signal: AbortSignal,
): Promise<Found> {
  const [first, second] = members;
  await first.command("ping", second.address4, "--count", "1");
  const waitMs = expected === "relay" ? RELAY_FOR_MS : expected === "direct" ? DIRECT_WITHIN_MS : SEARCH_WITHIN_MS;
  const until = performance.now() + waitMs;
  let times = timesOf(members);
  while (times.directMs === null && performance.now() < until && !signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    times = timesOf(members);
  }
  const paths = [await pathOf(first, second), await pathOf(second, first)];
  times = timesOf(members);
  if (paths.includes(null) || times.firstPacketMs === null) return { ...times, found: null };
  return { ...times, found: paths.includes("relay") ? "relay" : "direct" };
}

async function pathOf(member: LabMember, other: LabMember): Promise<"direct" | "relay" | null> {
  const { stdout } = await member.command("ping", other.address4, "--count", "1", "--json");
  const { rttMs = null, path = null } = stdout === "" ? {} : JSON.parse(stdout.trim().split("\n").at(-1)!);
  return rttMs === null ? null : path;
}

/** What the two logs say together: the slower end counts. */
function timesOf(members: [LabMember, LabMember]): Pick<PairResult, "firstPacketMs" | "directMs"> {
  const logs = members.map((member) => member.events());
  const asked = logs.flat().filter(({ message }) => message === "asking for a tunnel").map(({ at }) => at);
  if (asked.length === 0) return { firstPacketMs: null, directMs: null };
  const startAt = Math.min(...asked);
  const since = (at: (log: readonly LogEvent[]) => number | null) => {
    const times = logs.map(at);
    return times.includes(null) ? null : Math.max(...times.map((time) => time! - startAt));
  };
  return { firstPacketMs: since(firstPathAt), directMs: since(directSince) };
}

const isPath = ({ message }: LogEvent) => message === "path to a peer";

function firstPathAt(log: readonly LogEvent[]): number | null {
  return log.find(isPath)?.at ?? null;
}

/** Since when the path is direct; null = it is not now. */
function directSince(log: readonly LogEvent[]): number | null {
  const changes = log.filter((event) => isPath(event) || event.message === "no path to a peer");
  if (changes.at(-1)?.fields["path"] !== "direct") return null;
  const lastOther = changes.findLastIndex(({ fields }) => fields["path"] !== "direct");
  return changes[lastOther + 1]!.at;
}
