/**
 * A line between two hosts that loses, delays, reorders, repeats and damages packets as it is told. Its ends are two TUN
 * devices, one in each host, between which a thread carries the packets: nothing of the kernel's is needed that may be
 * missing, and no super-packet crosses it whole.
 *
 * @module
 */
import { closeDescriptor } from "../ffi/posix_linux.ts";
import { openPlainTunDescriptor } from "../ffi/tun_linux.ts";
import { CALM, type ChaosSettings } from "./chaos_model.ts";
import type { LabHost } from "./lab.ts";

/** In this order the settings lie in the memory that both threads share. */
export const CHAOS_SETTING_NAMES = Object.keys(CALM) as readonly (keyof ChaosSettings)[];

/** In this order the counters lie there. */
export const CHAOS_COUNTER_NAMES = ["entered", "lost", "repeated", "flipped", "left"] as const;

/** Packets since the line was opened, both ways together. */
export type ChaosCounters = Record<typeof CHAOS_COUNTER_NAMES[number], number>;

/** What the thread is given. */
export interface ChaosOrder {
  /** The two ends. */
  descriptors: [number, number];
  /** For all chance. */
  seed: number;
  /** Of {@linkcode CHAOS_SETTING_NAMES}. */
  settings: Float64Array<SharedArrayBuffer>;
  /** Of {@linkcode CHAOS_COUNTER_NAMES}. */
  counters: Float64Array<SharedArrayBuffer>;
  /** One word; set to 1 to end the thread. */
  stop: Int32Array<SharedArrayBuffer>;
}

/** What the thread answers. */
export type ChaosAnswer = { is: "ready" } | { is: "ended" } | { is: "failed"; reason: string };

function shared(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
}

/** A line whose faults can be changed while it is in use. */
export class ChaosLink implements AsyncDisposable {
  /** Resolves when the line carries packets. Those that came before have waited. */
  readonly ready: Promise<void>;
  readonly #order: ChaosOrder;
  readonly #worker: Worker;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #closing: Promise<void> | undefined;

  private constructor(order: ChaosOrder) {
    this.#order = order;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // Whoever waits for it hears of it.
    this.#worker = new Worker(new URL("./chaos_worker.ts", import.meta.url), { type: "module", name: "chaos" });
    this.#worker.onmessage = ({ data }: MessageEvent<ChaosAnswer>) => {
      if (data.is === "ready") this.#ready.resolve();
      else this.#end(data.is === "failed" ? data.reason : null);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(event.message);
    };
    this.#worker.postMessage(order);
  }

  /**
   * A line from `oneEnd` of one host to `otherEnd` of another, both ends up. All chance comes from `seed`.
   * @throws {SystemError} where no TUN device can be made
   */
  static open(
    one: LabHost,
    oneEnd: string,
    other: LabHost,
    otherEnd: string,
    settings: Partial<ChaosSettings> = {},
    seed = 1,
  ): ChaosLink {
    const descriptors: [number, number] = [openEnd(one, oneEnd), openEnd(other, otherEnd)];
    const link = new ChaosLink({
      descriptors,
      seed,
      settings: shared(CHAOS_SETTING_NAMES.length),
      counters: shared(CHAOS_COUNTER_NAMES.length),
      stop: new Int32Array(new SharedArrayBuffer(4)),
    });
    link.set(settings);
    return link;
  }

  /** From now on the line behaves so; what is not named is without fault. */
  set(settings: Partial<ChaosSettings>): void {
    const whole = { ...CALM, ...settings };
    CHAOS_SETTING_NAMES.forEach((name, index) => this.#order.settings[index] = whole[name]);
  }

  /** What has become of the packets so far. */
  get counters(): ChaosCounters {
    const values = CHAOS_COUNTER_NAMES.map((name, index) => [name, this.#order.counters[index]!]);
    return Object.fromEntries(values) as ChaosCounters;
  }

  /** Takes the line away. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    Atomics.store(this.#order.stop, 0, 1);
    await this.#ended.promise;
    this.#worker.terminate();
    for (const descriptor of this.#order.descriptors) closeDescriptor(descriptor);
  }

  #end(failure: string | null): void {
    if (failure !== null) this.#ready.reject(new Error(`Cannot carry packets: ${failure}`));
    this.#ended.resolve();
  }
}

function openEnd(host: LabHost, name: string): number {
  const descriptor = host.namespace.run(() => openPlainTunDescriptor(name));
  host.netlink.changeLink(host.netlink.findLink(name)!.index, { mtu: 1500, txQueueLength: 2000, isUp: true });
  return descriptor;
}
