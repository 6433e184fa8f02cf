/**
 * What this engine knows of its own NAT: from the answers to the regular DISCOVERs, and from a survey with sockets of its
 * own, which other sockets' mappings cannot disturb (docs/PROTOCOL.md, section 11.1).
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import type { DataPlane } from "../dataplane/types.ts";
import { classifyNat, modelPorts, type NatVerdict, type Observation, type PortModel } from "../nat/mod.ts";
import { DISCOVER_FLAG } from "../protocol/mod.ts";
import type { Discovery } from "./discovery.ts";

/** Sockets that ask for their port. */
const SURVEY_SOCKETS = 4;

/** How long answers to a survey, and to a measurement, are waited for. */
const SURVEY_MS = 1_200;
const MEASURE_MS = 400;

/** When the hairpin is tried: the first answers say where to send to. */
const HAIRPIN_AFTER_MS = 300;

/** A survey that cannot begin, because the sockets are in use, comes later. */
const BUSY_MS = 5_000;

/** The NAT before this engine, as far as it is known. */
export interface OwnNat extends NatVerdict {
  /** Where the server sees the socket of the tunnels; null = it never did. */
  observed: Endpoint | null;
  /** Whether datagrams of the own socket to its observed endpoint come back; null = not known. */
  hasHairpin: boolean | null;
  /** Ports that it gave to new sockets; null = not known. */
  ports: PortModel | null;
}

/** What a survey found. */
interface Survey {
  ports: PortModel | null;
  /** One list for each socket. */
  observations: Observation[][];
  fromOtherPort: boolean | undefined;
  /** Undefined where the server has one address. */
  fromOtherAddress: boolean | undefined;
  hasHairpin: boolean | null;
}

/** What a watch works with. */
export interface NatWatchOptions {
  /** Sends, from sockets of a search. */
  dataPlane: Pick<DataPlane, "openSearch" | "closeSearch" | "searchDatagram">;
  /** Time. */
  clock: Clock;
  /** Asks the server. */
  discovery: Discovery;
  /** Endpoints of the socket of the tunnels, one for each own address. */
  ownEndpoints(): Endpoint[];
  /** More is known than before. */
  onChange(): void;
}

/** Watches the NAT for one login. */
export class NatWatch {
  readonly #options: NatWatchOptions;
  /** Open questions of the survey or measurement that runs: their counters, in the order in which they were sent. */
  #asked: bigint[] = [];
  /** The same sockets' questions to the server's first socket. */
  #askedFirst: bigint[] = [];
  #answers = new Map<bigint, Endpoint>();
  /** Of the questions about filters; null = answered. */
  #filterCounter: bigint | null = null;
  #addressCounter: bigint | null = null;
  #surveyed: Survey | null = null;
  #hasHairpin = false;
  /** What the sockets are open for. */
  #use: "survey" | "search" | null = null;
  /** Cancels the next step of that. */
  #cancel = () => {};
  #cancelPlan = () => {};
  #isStopped = false;

  /** Knows nothing yet. */
  constructor(options: NatWatchOptions) {
    this.#options = options;
  }

  /** What is known now. */
  get nat(): OwnNat {
    const { discovery, ownEndpoints } = this.#options;
    const surveyed = this.#surveyed;
    const { fromOtherPort, fromOtherAddress } = surveyed ?? {};
    const answered = {
      ...(fromOtherPort === undefined ? {} : { fromOtherPort }),
      ...(fromOtherAddress === undefined ? {} : { fromOtherAddress }),
    };
    const otherSockets = surveyed?.observations ?? [];
    return {
      ...classifyNat({ local: ownEndpoints(), observations: discovery.observations, otherSockets, answered }),
      portStep: surveyed?.ports?.step || null,
      observed: discovery.observed,
      hasHairpin: surveyed?.hasHairpin ?? null,
      ports: surveyed?.ports ?? null,
    };
  }

  /** Whether a survey has come to its end since the last {@linkcode NatWatch.survey}. */
  get isSurveyed(): boolean {
    return this.#surveyed !== null;
  }

  /** Begins a survey, now or as soon as the sockets are free. */
  survey(): void {
    const { dataPlane, discovery, clock } = this.#options;
    this.#cancelPlan();
    this.#surveyed = null;
    if (this.#isStopped || discovery.second === null) return;
    if (this.#use === "search") {
      this.#cancelPlan = clock.after(BUSY_MS, () => this.survey());
      return;
    }
    this.#cancel();
    this.#use = "survey";
    this.#hasHairpin = false;
    dataPlane.openSearch(SURVEY_SOCKETS + (discovery.hasOther ? 2 : 1));
    this.#ask(SURVEY_SOCKETS);
    this.#askFirst(SURVEY_SOCKETS);
    this.#filterCounter = this.#askFilter(SURVEY_SOCKETS, DISCOVER_FLAG.answerFromOtherSocket);
    if (discovery.hasOther) {
      this.#addressCounter = this.#askFilter(SURVEY_SOCKETS + 1, DISCOVER_FLAG.answerFromOtherAddress);
    }
    this.#cancel = clock.after(HAIRPIN_AFTER_MS, () => this.#tryHairpin());
  }

  /** Opens sockets for a search; false while they are in use. */
  openSockets(count: number): boolean {
    if (this.#use !== null || this.#isStopped) return false;
    this.#use = "search";
    this.#options.dataPlane.openSearch(count);
    return true;
  }

  /** Tells, after a moment, which ports the NAT gave to the first `count` sockets of {@linkcode NatWatch.openSockets}. */
  measure(count: number, tell: (model: PortModel | null) => void): void {
    this.#ask(count);
    this.#cancel = this.#options.clock.after(MEASURE_MS, () => tell(this.#takePorts()));
  }

  /** Closes them. */
  closeSockets(): void {
    this.#cancel();
    this.#use = null;
    if (!this.#isStopped) this.#options.dataPlane.closeSearch();
  }

  /** Takes a DISCOVERED that is authentic. */
  take({ counter, endpoint }: { counter: bigint; endpoint: Endpoint }): void {
    if (this.#asked.includes(counter) || this.#askedFirst.includes(counter)) this.#answers.set(counter, endpoint);
    else if (counter === this.#filterCounter) this.#filterCounter = null;
    else if (counter === this.#addressCounter) this.#addressCounter = null;
  }

  /** A DISCOVER came in on the socket of the tunnels: if it is ours, it went out to the NAT and came back. */
  takeDiscover(datagram: Uint8Array): void {
    if (this.#options.discovery.isOwn(datagram)) this.#hasHairpin = true;
  }

  /** Ends whatever runs. */
  stop(): void {
    if (this.#use !== null) this.closeSockets();
    this.#isStopped = true;
    this.#cancelPlan();
  }

  #ask(count: number): void {
    const { dataPlane, discovery } = this.#options;
    this.#asked = [];
    this.#askedFirst = [];
    this.#answers.clear();
    for (let socket = 0; discovery.second !== null && socket < count; socket++) {
      const { counter, datagram } = discovery.ask(0);
      this.#asked.push(counter);
      dataPlane.searchDatagram(socket, discovery.second, datagram);
    }
  }

  /** Each from a socket of its own, which has sent nothing else. */
  #askFilter(socket: number, flag: number): bigint {
    const { dataPlane, discovery } = this.#options;
    const { counter, datagram } = discovery.ask(flag);
    dataPlane.searchDatagram(socket, discovery.second!, datagram);
    return counter;
  }

  /** After all of {@linkcode NatWatch.#ask}, so that the ports of those are neighbours where the NAT counts. */
  #askFirst(count: number): void {
    const { dataPlane, discovery } = this.#options;
    for (let socket = 0; discovery.first !== null && socket < count; socket++) {
      const { counter, datagram } = discovery.ask(DISCOVER_FLAG.aside);
      this.#askedFirst.push(counter);
      dataPlane.searchDatagram(socket, discovery.first, datagram);
    }
  }

  #takePorts(): PortModel | null {
    return modelPorts(this.#asked.flatMap((counter) => this.#answers.get(counter)?.port ?? []));
  }

  /** What the server's two sockets saw of each socket. */
  #takeObservations(): Observation[][] {
    const { first, second } = this.#options.discovery;
    const observationOf = (server: Endpoint | null, counter: bigint | undefined): Observation[] => {
      const observed = counter === undefined ? undefined : this.#answers.get(counter);
      return server === null || observed === undefined ? [] : [{ server, observed }];
    };
    return this.#asked.map((counter, socket) => [
      ...observationOf(second, counter),
      ...observationOf(first, this.#askedFirst[socket]),
    ]);
  }

  #tryHairpin(): void {
    const { dataPlane, discovery, clock } = this.#options;
    if (discovery.observed !== null) dataPlane.searchDatagram(0, discovery.observed, discovery.ask(0).datagram);
    this.#cancel = clock.after(SURVEY_MS - HAIRPIN_AFTER_MS, () => this.#endSurvey());
  }

  #endSurvey(): void {
    const { discovery, ownEndpoints, onChange } = this.#options;
    const ports = this.#takePorts();
    const { observed } = discovery;
    const isTranslated = observed !== null && !ownEndpoints().some((own) => equalEndpoint(own, observed));
    this.#surveyed = {
      ports,
      observations: this.#takeObservations(),
      // Without any answer nothing is known of filters.
      fromOtherPort: ports === null ? undefined : this.#filterCounter === null,
      fromOtherAddress: ports === null || !discovery.hasOther ? undefined : this.#addressCounter === null,
      hasHairpin: isTranslated ? this.#hasHairpin : null,
    };
    this.closeSockets();
    onChange();
  }
}
