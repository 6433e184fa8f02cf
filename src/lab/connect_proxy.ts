import type { LabHost } from "./lab.ts";

/** What a proxy is to do. */
export interface ConnectProxyOptions {
  /** Address and port within its host. */
  hostname: string;
  /** As above. */
  port: number;
  /** `user:password` that it asks for; null = it lets everybody through. */
  credentials: string | null;
  /** To which ports of others it connects. */
  allowedPorts: number[];
}

/** What the worker is told. */
export interface ConnectProxyOrder extends ConnectProxyOptions {
  /** A path that leads to the namespace. */
  namespacePath: string;
}

/** What the worker answers. */
export type ConnectProxyAnswer = { is: "ready" } | { is: "failed"; reason: string };

/** An HTTP proxy that knows CONNECT, in a host of the laboratory, on a thread of its own. */
export class ConnectProxy implements Disposable {
  readonly #worker: Worker;
  readonly #ready = Promise.withResolvers<void>();

  private constructor() {
    this.#worker = new Worker(new URL("./connect_proxy_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<ConnectProxyAnswer>) => {
      if (data.is === "ready") this.#ready.resolve();
      else this.#ready.reject(new Error(data.reason));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#ready.reject(new Error(event.message));
    };
  }

  /** Starts one; resolves when it listens. @throws {Error} */
  static async start(host: LabHost, options: ConnectProxyOptions): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    const namespacePath = `/proc/self/fd/${host.namespace.descriptor}`;
    proxy.#worker.postMessage({ ...options, namespacePath } satisfies ConnectProxyOrder);
    try {
      await proxy.#ready.promise;
      return proxy;
    } catch (error) {
      proxy[Symbol.dispose]();
      throw error;
    }
  }

  /** Ends it, and all that goes through it. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
