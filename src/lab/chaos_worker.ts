/** The thread behind {@linkcode ChaosLink}. @module */
import { seededRandom } from "../base/random.ts";
import { IO_VECTOR_LENGTH, IoVectors } from "../ffi/io_vectors.ts";
import { BootClock, Poller, VectorPort } from "../ffi/libc_linux.ts";
import { NativeMemory } from "../ffi/native_memory.ts";
import { closeDescriptor } from "../ffi/posix_linux.ts";
import { CHAOS_COUNTER_NAMES, CHAOS_SETTING_NAMES, type ChaosAnswer, type ChaosOrder } from "./chaos_link.ts";
import { ChaosModel, type ChaosSettings, flipBit } from "./chaos_model.ts";

/** How soon a wish to stop, or other settings, are noticed. */
const LOOK_EVERY_MS = 20;
/** Packets taken from one end before the other has its turn. */
const MAX_READS = 64;
const MAX_PACKET_LENGTH = 65_535;

const VECTOR_AT = 64;
const EVENTS_AT = 128;
const TIME_AT = 256;
const PACKET_AT = 320;

const worker = self as unknown as {
  postMessage(answer: ChaosAnswer): void;
  onmessage: (event: MessageEvent<ChaosOrder>) => void;
};

interface Waiting {
  at: number;
  packet: Uint8Array;
}

/** One direction: packets from one end on their way to the other. */
class Direction {
  readonly #memory: NativeMemory;
  readonly #vector: IoVectors;
  readonly #from: VectorPort;
  readonly #to: VectorPort;
  readonly #model: ChaosModel;
  readonly #count: (name: typeof CHAOS_COUNTER_NAMES[number], by?: number) => void;
  /** By the time of leaving. */
  readonly #waiting: Waiting[] = [];

  constructor(memory: NativeMemory, order: ChaosOrder, from: number, seed: number) {
    this.#memory = memory;
    this.#vector = new IoVectors(memory, VECTOR_AT, 1);
    const [source, target] = [order.descriptors[from]!, order.descriptors[1 - from]!];
    this.#from = new VectorPort(memory, source, VECTOR_AT, VECTOR_AT);
    this.#to = new VectorPort(memory, target, VECTOR_AT, VECTOR_AT);
    this.#model = new ChaosModel(seededRandom(seed));
    this.#count = (name, by = 1) => void (order.counters[CHAOS_COUNTER_NAMES.indexOf(name)]! += by);
  }

  /** When the next packet leaves. */
  get nextAt(): number {
    return this.#waiting[0]?.at ?? Infinity;
  }

  /** Takes what has come in. */
  take(now: number, settings: ChaosSettings): void {
    for (let reads = 0; reads < MAX_READS; reads++) {
      this.#vector.set(0, PACKET_AT, MAX_PACKET_LENGTH);
      const length = this.#from.read(1);
      if (length <= 0) return;
      this.#count("entered");
      const departures = this.#model.take(length, now, settings);
      if (departures.length === 0) this.#count("lost");
      if (departures.length === 2) this.#count("repeated");
      for (const { at, flip } of departures) this.#wait(at, this.#copy(length, flip));
    }
  }

  /** Lets go what is due. */
  release(now: number): void {
    let due = 0;
    for (; due < this.#waiting.length && this.#waiting[due]!.at <= now; due++) this.#send(this.#waiting[due]!.packet);
    this.#waiting.splice(0, due);
  }

  #copy(length: number, flip: number | null): Uint8Array {
    const packet = this.#memory.bytes.slice(PACKET_AT, PACKET_AT + length);
    if (flip !== null) {
      flipBit(packet, flip);
      this.#count("flipped");
    }
    return packet;
  }

  #wait(at: number, packet: Uint8Array): void {
    let place = this.#waiting.length;
    while (place > 0 && this.#waiting[place - 1]!.at > at) place--;
    this.#waiting.splice(place, 0, { at, packet });
  }

  #send(packet: Uint8Array): void {
    this.#memory.bytes.set(packet, PACKET_AT);
    this.#vector.set(0, PACKET_AT, packet.length);
    if (this.#to.write(1) > 0) this.#count("left");
  }
}

function settingsOf(values: Float64Array): ChaosSettings {
  return Object.fromEntries(
    CHAOS_SETTING_NAMES.map((name, index) => [name, values[index]]),
  ) as unknown as ChaosSettings;
}

function carry(order: ChaosOrder): void {
  const memory = new NativeMemory(PACKET_AT + MAX_PACKET_LENGTH + 1 + IO_VECTOR_LENGTH);
  const clock = new BootClock(memory, TIME_AT);
  const poller = new Poller(memory, EVENTS_AT, order.descriptors);
  const directions = [0, 1].map((from) => new Direction(memory, order, from, order.seed * 2 + from));
  worker.postMessage({ is: "ready" });
  while (Atomics.load(order.stop, 0) === 0) {
    const waitMs = Math.min(...directions.map(({ nextAt }) => nextAt)) - clock.now();
    poller.wait(Math.max(0, Math.min(LOOK_EVERY_MS, Math.ceil(waitMs))));
    const now = clock.now();
    const settings = settingsOf(order.settings);
    for (const direction of directions) direction.take(now, settings);
    for (const direction of directions) direction.release(now);
  }
  closeDescriptor(poller.descriptor);
}

worker.onmessage = ({ data }) => {
  try {
    carry(data);
    worker.postMessage({ is: "ended" });
  } catch (error) {
    worker.postMessage({ is: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
};
