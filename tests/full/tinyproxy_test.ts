/** Through somebody else's proxy: Debian's tinyproxy, as small offices have it. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { LabBuri } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab } from "../../src/lab/lab.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const CONFIGURATION = `
Port 3128
Listen 192.168.1.1
Timeout 600
BasicAuth home s3same
ConnectPort 443
`;

Deno.test(
  needs(
    "an engine logs in through tinyproxy with its credentials, and not without",
    "linux",
    "root",
    "netns",
    "tinyproxy",
  ),
  async () => {
    const folder = Deno.makeTempDirSync({ prefix: "buri-tinyproxy-" });
    Deno.chmodSync(folder, 0o755);
    try {
      await using lab = new Lab();
      const internet = new Internet(lab);
      const program = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as const;
      const buri = new LabBuri({ lab, program, folder });
      const server = internet.addPublicHost("server");
      const invite = await buri.server(server.host, server.addresses[0]!);
      const home = internet.addHome("home1", "PX");
      Deno.writeTextFileSync(`${folder}/tinyproxy.conf`, CONFIGURATION);
      const proxy = lab.spawn(home.routers[0]!, ["tinyproxy", "-d", "-c", `${folder}/tinyproxy.conf`]);
      await proxy.waitForLine(/Accepting connections/, 10_000);
      const refused = buri.spawn(home.host, [
        ...["up", "--state", `${folder}/refused`, "--server", invite, "--device", "none", "--log-level", "debug"],
        ...["--proxy", "http://home:wrong@192.168.1.1:3128"],
      ]);
      const member = await buri.up(home.host, invite, ["--proxy", "http://home:s3same@192.168.1.1:3128"]);
      assert.match(member.address4, /^10\./);
      const detours = member.events().filter(({ message }) => message === "the server is reached by a detour");
      assert.deepEqual(detours.map(({ fields }) => fields["way"]), ["proxy:443"]);
      await refused.stop("SIGKILL");
      assert(!refused.stdoutLines.some((line) => line.includes("ready")));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);
