/**
 * Finds out how a NAT behaves, in the manner of RFC 5780, from both of its sides: the test owns the sockets inside and
 * outside. Where nothing must arrive no time is waited for: a datagram that may pass is sent after those that may not, over
 * the same line, and when it is there the others are lost.
 */
import type { LabHost } from "../../src/lab/lab.ts";
import type { NatDependence, NatKind } from "../../src/lab/nat_kinds.ts";

/** Long enough for a busy machine: what passes at all comes within a millisecond on an idle one. */
const SILENCE_MS = 2000;

/** A UDP socket in a namespace, with a queue of what came. */
class ProbeSocket {
  readonly #socket: Deno.DatagramConn;
  readonly #waiting: ((entry: Received) => void)[] = [];
  readonly #queue: Received[] = [];
  readonly #ended: Promise<void>;

  constructor(host: LabHost, hostname: string, port: number) {
    const open = () => ({ socket: Deno.listenDatagram({ transport: "udp", hostname, port }) });
    this.#socket = host.namespace.run(open).socket;
    this.#ended = this.#listen();
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async send(text: string, to: Place): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(text), { transport: "udp", ...to });
  }

  /** The next datagram; null when none comes, for which only a test of blocked UDP waits. */
  receive(): Promise<Received | null> {
    const next = this.#queue.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        resolve(null);
      }, SILENCE_MS);
      const take = (entry: Received) => {
        clearTimeout(timer);
        resolve(entry);
      };
      this.#waiting.push(take);
    });
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#ended;
  }

  async #listen(): Promise<void> {
    for await (const [bytes, address] of this.#socket) {
      const { hostname, port } = address as Deno.NetAddr;
      const entry = { text: new TextDecoder().decode(bytes), from: { hostname, port } };
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#queue.push(entry);
      else waiter(entry);
    }
  }
}

interface Place {
  hostname: string;
  port: number;
}

interface Received {
  text: string;
  from: Place;
}

/** The measured half of a {@linkcode NatKind}. */
export type Behaviour = Pick<NatKind, "mapping" | "filtering" | "ports" | "hairpin">;

/** Where to probe from and to. */
export interface ProbePlaces {
  inside: LabHost;
  outside: LabHost;
  /** Two public addresses of `outside`. */
  addresses: [string, string];
}

const PORTS = [3478, 3479] as const;
const INSIDE_PORT = 41000;

/** Probes one home. */
export async function probeBehaviour({ inside, outside, addresses: [first, second] }: ProbePlaces): Promise<Behaviour> {
  const places = [first, second].flatMap((hostname) => PORTS.map((port) => ({ hostname, port })));
  const servers = places.map(({ hostname, port }) => new ProbeSocket(outside, hostname, port));
  const sockets: ProbeSocket[] = [];
  const open = (port: number) => {
    const socket = new ProbeSocket(inside, "0.0.0.0", port);
    sockets.push(socket);
    return socket;
  };
  try {
    const socket = open(INSIDE_PORT);
    const seen = await observe(socket, servers, places);
    if (seen === null) return { mapping: null, filtering: null, ports: "preserved", hairpin: false };
    return {
      mapping: classifyMapping(seen),
      ports: classifyPorts(seen),
      filtering: await probeFiltering(open(INSIDE_PORT + 1), servers, places),
      hairpin: await probeHairpin(open(INSIDE_PORT + 2), open(INSIDE_PORT + 3), servers[0]!, places[0]!),
    };
  } finally {
    await Promise.all([...servers, ...sockets].map((socket) => socket.close()));
  }
}

/** External ports of one socket towards all places; null = nothing passes. */
async function observe(socket: ProbeSocket, servers: ProbeSocket[], places: Place[]): Promise<number[] | null> {
  const ports: number[] = [];
  for (const [index, place] of places.entries()) {
    await socket.send("observe", place);
    const entry = await servers[index]!.receive();
    if (entry === null) return null;
    ports.push(entry.from.port);
  }
  return ports;
}

function classifyMapping([a1, a2, b1, b2]: number[]): NatDependence {
  if (a1 !== a2 || b1 !== b2) return "addressAndPortDependent";
  return a1 === b1 ? "endpointIndependent" : "addressDependent";
}

function classifyPorts(seen: number[]): NatKind["ports"] {
  if (seen.every((port) => port === INSIDE_PORT)) return "preserved";
  const steps = seen.slice(1).map((port, index) => port - seen[index]!);
  if (steps.every((step) => step === 1)) return "sequential";
  return Math.max(...seen) - Math.min(...seen) < 64 ? "block" : "random";
}

/** Opens a mapping towards the first place only, then lets the others knock. */
async function probeFiltering(socket: ProbeSocket, servers: ProbeSocket[], places: Place[]): Promise<NatDependence> {
  await socket.send("open", places[0]!);
  const mapped = (await servers[0]!.receive())!.from;
  for (const index of [1, 2, 3, 0]) await servers[index]!.send(`from ${index}`, mapped);
  const passed = new Set<string>();
  for (let text = ""; text !== "from 0";) {
    const entry = await socket.receive();
    if (entry === null) throw new Error("Cannot probe: an answer was lost");
    text = entry.text;
    passed.add(text);
  }
  if (passed.has("from 2") || passed.has("from 3")) return "endpointIndependent";
  return passed.has("from 1") ? "addressDependent" : "addressAndPortDependent";
}

/** Sends to an own mapped port from a second socket inside; an answer from outside comes after it. */
async function probeHairpin(
  target: ProbeSocket,
  sender: ProbeSocket,
  server: ProbeSocket,
  place: Place,
): Promise<boolean> {
  await target.send("open", place);
  const mapped = (await server.receive())!.from;
  await sender.send("hairpin", mapped);
  await server.send("outside", mapped);
  return (await target.receive())?.text === "hairpin";
}
