/** A client in another language, written from docs/PROTOCOL.md alone, at a real server and in a network with a real engine. */
import assert from "node:assert/strict";
import { EngineWorld, until } from "../support/engine_world.ts";
import { needs } from "../support/needs.ts";

const SCRIPT = new URL("../vectors/client.py", import.meta.url).pathname;

for (const suite of [1, 2] as const) {
  Deno.test(
    needs(
      `a client written from the document registers, logs in and makes a network in suite ${suite}`,
      "python-cryptography",
    ),
    async () => {
      await using world = await EngineWorld.make([1, 2]);
      const network = "written from paper";
      const client = new Deno.Command("python3", {
        args: ["-B", SCRIPT, world.invite, String(suite), network],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      // It makes no tunnels: whether it could be reached is not the question.
      const bob = await world.member("bob", { suite });
      // It is there once it has said what it learnt, and stays until its input ends.
      await until("the network", () => bob.control.join({ network, password: "" }).then(() => true, () => false));
      const shown = async () => (await bob.control.network({ network })).members[0];
      await until("it is there, by its new name", async () => (await shown())?.nick === "snake again");
      const member = await shown();
      assert.deepEqual([member?.role, member?.status === "offline"], ["owner", false]);
      await client.stdin.close();
      const { success, stdout, stderr } = await client.output();
      assert.ok(success, new TextDecoder().decode(stderr));
      const { clientId } = JSON.parse(new TextDecoder().decode(stdout));
      assert.equal(member?.id.replaceAll("-", ""), String(clientId).padStart(9, "0"));
      await until("it is gone", async () => (await shown())?.status === "offline");
    },
  );
}
