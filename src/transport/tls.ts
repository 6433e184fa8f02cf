/**
 * TLS over a stream, as its client and as its server.
 *
 * The certificate proves nothing here: who is at the other end is settled by the conversation inside. TLS is there because
 * some networks let nothing else through.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { Duplex } from "node:stream";
import { connect, TLSSocket, type TLSSocket as TlsSocket } from "node:tls";
import { type BufferedStream, readChunk } from "./stream.ts";

/** What a server shows. */
export interface TlsCertificate {
  /** PEM. */
  certificate: string;
  /** PKCS#8 PEM. */
  privateKey: string;
}

/** What any web server speaks; a list that nobody else sends would give us away. */
const APPLICATION_PROTOCOLS = ["http/1.1"];

/**
 * Begins TLS as the client and takes any certificate. `host` is named to the server where it is no literal address. Whoever
 * calls ends a handshake that takes too long by closing `stream`.
 *
 * @throws {Error} when the other end speaks no TLS
 */
export function startTlsClient(stream: BufferedStream, host: string): Promise<BufferedStream> {
  return handshake(stream, "secureConnect", (socket) =>
    connect({
      socket,
      rejectUnauthorized: false,
      ALPNProtocols: APPLICATION_PROTOCOLS,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    }));
}

/** Begins TLS as the server; as for {@linkcode startTlsClient}. */
export function startTlsServer(
  stream: BufferedStream,
  { certificate, privateKey }: TlsCertificate,
): Promise<BufferedStream> {
  return handshake(stream, "secure", (socket) =>
    new TLSSocket(socket, {
      isServer: true,
      cert: certificate,
      key: privateKey,
      ALPNProtocols: APPLICATION_PROTOCOLS,
    }));
}

function handshake(
  below: BufferedStream,
  ready: string,
  begin: (socket: Duplex) => TlsSocket,
): Promise<BufferedStream> {
  const { promise, resolve, reject } = Promise.withResolvers<BufferedStream>();
  const socket = begin(duplexOf(below, () => reject(new Error("the connection was closed during the TLS handshake"))));
  // After the handshake, too, an error that nobody hears would end the process.
  socket.on("error", reject);
  socket.once(ready, () => resolve(streamOf(socket, below)));
  promise.catch(() => {
    socket.destroy();
    below.close();
  });
  return promise;
}

/** The stream as the runtime's TLS takes it. The end is told besides, because the runtime keeps it for itself in a handshake. */
function duplexOf(stream: BufferedStream, onEnd: () => void): Duplex {
  return new Duplex({
    read() {
      stream.read().then((bytes) => {
        if (bytes === null) onEnd();
        this.push(bytes === null ? null : viewAsBuffer(bytes));
      }, (error) => this.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, done) {
      stream.write(chunk).then(() => done(), done);
    },
    destroy(error, done) {
      onEnd();
      stream.close();
      done(error);
    },
  });
}

function streamOf(socket: TlsSocket, below: BufferedStream): BufferedStream {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let held = new Uint8Array();
  let isClosed = false;
  const next = async (): Promise<Uint8Array | null> => {
    try {
      const { value, done } = await chunks.next();
      return done === true || isClosed ? null : value;
    } catch (error) {
      if (isClosed) return null;
      throw error;
    }
  };
  const readInto = async (buffer: Uint8Array): Promise<number | null> => {
    if (held.length === 0) {
      const chunk = await next();
      if (chunk === null) return null;
      held = new Uint8Array(chunk);
    }
    const taken = held.subarray(0, buffer.length);
    buffer.set(taken);
    held = held.subarray(taken.length);
    return taken.length;
  };
  return {
    local: below.local,
    remote: below.remote,
    readInto,
    read: () => readChunk(readInto),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => error === null || error === undefined ? resolve() : reject(error));
      }),
    close() {
      isClosed = true;
      socket.destroy();
      below.close();
    },
  };
}

function viewAsBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
