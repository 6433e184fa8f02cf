import { deepEqual, equal } from "node:assert/strict";
import {
  decideDelivery,
  type DeliveryFacts,
  type DeliveryStep,
  serverPauseMs,
} from "../../../src/engine/chat/delivery.ts";

const FACTS: DeliveryFacts = {
  now: 10_000,
  since: 10_000,
  tunnel: null,
  gaveUpOn: null,
  isLoggedIn: true,
  isKnown: true,
  isOnline: false,
  askServerAt: 0,
};

const CASES: [what: string, changes: Partial<DeliveryFacts>, step: DeliveryStep][] = [
  ["a tunnel is used first", { tunnel: 300, isOnline: true }, { do: "tunnel", localSpi: 300 }],
  ["without a server as well", { tunnel: 300, isLoggedIn: false }, { do: "tunnel", localSpi: 300 }],
  ["not the one that did not answer", { tunnel: 300, gaveUpOn: 300, isOnline: true }, { do: "server" }],
  ["but a newer one", { tunnel: 301, gaveUpOn: 300 }, { do: "tunnel", localSpi: 301 }],
  ["who is offline gets it by the server at once", {}, { do: "server" }],
  ["who is online may get a tunnel first", { isOnline: true }, { do: "wait", untilMs: 13_000 }],
  ["but not for ever", { isOnline: true, since: 7_000 }, { do: "server" }],
  ["a server that refused is left alone for a while", { askServerAt: 12_000 }, { do: "wait", untilMs: 12_000 }],
  ["without server and tunnel it waits", { isLoggedIn: false }, { do: "wait", untilMs: Infinity }],
  ["also where nothing is known yet", { isLoggedIn: false, isKnown: false }, { do: "wait", untilMs: Infinity }],
  ["who is of no common network gets nothing", { isKnown: false }, { do: "giveUp" }],
];

for (const [what, changes, step] of CASES) {
  Deno.test(`decideDelivery: ${what}`, () => deepEqual(decideDelivery({ ...FACTS, ...changes }), step));
}

Deno.test("serverPauseMs grows up to ten minutes", () => {
  deepEqual([1, 2, 3].map(serverPauseMs), [2_000, 4_000, 8_000]);
  equal(serverPauseMs(1000), 600_000);
});
