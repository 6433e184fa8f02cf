/** The thread behind {@linkcode ConnectProxy}. It moves into the namespace for good, so that all its sockets are there. @module */
import { NetworkNamespace } from "../ffi/network_namespace_linux.ts";
import type { ConnectProxyAnswer, ConnectProxyOrder } from "./connect_proxy.ts";

const MAX_HEAD_LENGTH = 8192;

const worker = self as unknown as {
  postMessage(answer: ConnectProxyAnswer): void;
  onmessage: (event: MessageEvent<ConnectProxyOrder>) => void;
};

worker.onmessage = ({ data }) => {
  try {
    using namespace = NetworkNamespace.open(data.namespacePath);
    namespace.enter();
    const listener = Deno.listen({ hostname: data.hostname, port: data.port });
    worker.postMessage({ is: "ready" });
    void accept(listener, data);
  } catch (error) {
    worker.postMessage({ is: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
};

async function accept(listener: Deno.Listener, order: ConnectProxyOrder): Promise<void> {
  for await (const client of listener) serve(client, order).catch(() => client.close());
}

async function serve(client: Deno.Conn, { credentials, allowedPorts }: ConnectProxyOrder): Promise<void> {
  const head = await readHead(client);
  const [, hostname, port] = /^CONNECT ([\d.]+):(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
  const isKnown = credentials === null || head.includes(`\r\nProxy-Authorization: Basic ${btoa(credentials)}\r\n`);
  if (!isKnown) return await refuse(client, "407 Proxy Authentication Required");
  if (hostname === undefined) return await refuse(client, "400 Bad Request");
  if (!allowedPorts.includes(Number(port))) return await refuse(client, "403 Forbidden");
  const target = await connect(hostname, Number(port));
  if (target === null) return await refuse(client, "502 Bad Gateway");
  await write(client, "HTTP/1.1 200 Connection established\r\n\r\n");
  await Promise.allSettled([client.readable.pipeTo(target.writable), target.readable.pipeTo(client.writable)]);
}

/** To the empty line; whoever sends on before it has an answer is no client of a proxy. */
async function readHead(client: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(MAX_HEAD_LENGTH);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) {
    const length = await client.read(buffer);
    if (length === null || head.length + length > MAX_HEAD_LENGTH) throw new Error("no request");
    head += String.fromCharCode(...buffer.subarray(0, length));
  }
  return head;
}

async function connect(hostname: string, port: number): Promise<Deno.TcpConn | null> {
  try {
    return await Deno.connect({ hostname, port });
  } catch {
    return null;
  }
}

async function refuse(client: Deno.Conn, status: string): Promise<void> {
  await write(client, `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
  client.close();
}

async function write(client: Deno.Conn, text: string): Promise<void> {
  await client.write(new TextEncoder().encode(text));
}
