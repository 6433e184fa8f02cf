import { createLogger, silentLogger } from "../../src/base/log.ts";
import { parseInvite, type ServerPin } from "../../src/protocol/mod.ts";
import { makeInvite, type RunningServer, type ServerOptions, startServer } from "../../src/server/mod.ts";
import { FakeClient, type FakeClientOptions } from "../support/fake_client.ts";

/** A server on loopback in a folder of its own. */
export interface TestServer extends AsyncDisposable {
  dataDir: string;
  server: RunningServer;
  pin: ServerPin;
  /** Lines of the log, warnings and worse. */
  complaints: string[];
  /** Connects and logs in; a new account unless told otherwise. */
  connect(options?: Partial<FakeClientOptions>): Promise<FakeClient>;
  /** Connects, and drops what a client is told first. */
  join(options?: Partial<FakeClientOptions>): Promise<FakeClient>;
  restart(): Promise<void>;
}

export async function startTestServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? makeDataDir();
  const complaints: string[] = [];
  const log = createLogger({ level: "warn", json: false, write: (line) => void complaints.push(line) });
  const start = () => startServer({ ...anyPorts(dataDir), log, ...options });
  const server = await start();
  const test: TestServer = {
    dataDir,
    server,
    pin: parseInvite(await makeInvite({ dataDir, host: "server.test:1" })).pin,
    complaints,
    connect: (client = {}) => FakeClient.connect({ port: test.server.port, pin: test.pin, ...client }),
    async join(client = {}) {
      const joined = await test.connect(client);
      await joined.synchronised();
      return joined;
    },
    async restart() {
      await test.server.stop();
      test.server = await start();
    },
    async [Symbol.asyncDispose]() {
      await test.server.stop();
      Deno.removeSync(dataDir, { recursive: true });
    },
  };
  return test;
}

// The relay's native library stays loaded once it was needed; loaded here, it is no leak of the first test.
const RSA_KEY = await (async () => {
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-server-" });
  await (await startServer(anyPorts(dataDir))).stop();
  const key = Deno.readFileSync(`${dataDir}/rsa.key`);
  Deno.removeSync(dataDir, { recursive: true });
  return key;
})();

/** A data folder with an RSA key, which takes long to make, and nothing else. */
function makeDataDir(): string {
  const dataDir = Deno.makeTempDirSync({ prefix: "buri-server-" });
  Deno.writeFileSync(`${dataDir}/rsa.key`, RSA_KEY, { mode: 0o600 });
  return dataDir;
}

/** Loopback, any ports, suite 2. */
export function anyPorts(dataDir: string): ServerOptions {
  const listen = { host: "127.0.0.1", port: 0 };
  return { dataDir, listen, udpPort: 0, udp2Port: 0, relayPort: 0, suites: [2], log: silentLogger };
}
