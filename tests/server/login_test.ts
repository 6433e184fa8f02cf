import assert from "node:assert/strict";
import { startTestServer } from "./server_support.ts";

Deno.test("startServer registers a client, welcomes it, and knows it again", async () => {
  await using test = await startTestServer();
  const ann = await test.connect({ nick: "Ann" });
  const welcome = await ann.next("welcome");
  assert.equal(welcome.nick, "Ann");
  assert.equal(welcome.address, ann.address);
  await ann.close();
  await using again = await test.connect({ ed25519: ann.ed25519, address: ann.address });
  assert.equal((await again.next("welcome")).clientId, welcome.clientId);
});
