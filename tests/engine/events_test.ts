import { deepEqual, equal } from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { EventHub } from "../../src/engine/events.ts";
import { EMPTY_VIEW, type NetworksView } from "../../src/engine/networks_view.ts";
import { viewEvents } from "../../src/engine/view_events.ts";
import type { EngineEvent, EventFacts } from "../../src/ipc/mod.ts";
import { type Member, MEMBER_STATUS, type NetworkHead } from "../../src/protocol/mod.ts";

const network = (name: string): EventFacts => ({ kind: "network", network: name, change: "added" });

Deno.test("EventHub tells each listener what it asked for, from the moment it asked", async () => {
  const hub = new EventHub(new FakeClock(5));
  hub.emit(network("before"));
  const abort = new AbortController();
  const all = hub.listen(null, abort.signal);
  const some = hub.listen(["status"], abort.signal);
  hub.emit(network("after"));
  hub.emit({ kind: "status", status: "logged in" });
  deepEqual((await all.next()).value, { at: 5, ...network("after") });
  deepEqual((await some.next()).value, { at: 5, kind: "status", status: "logged in" });
  const waiting = some.next();
  abort.abort();
  equal((await waiting).done, true);
});

Deno.test("EventHub tells a listener that is too slow how much it left out, and goes on", async () => {
  const hub = new EventHub(new FakeClock(5));
  const abort = new AbortController();
  const listener = hub.listen(null, abort.signal);
  for (let number = 0; number < 1003; number++) hub.emit(network(String(number)));
  const told: EngineEvent[] = [];
  for (let count = 0; count < 1001; count++) told.push((await listener.next()).value!);
  deepEqual(told[999], { at: 5, ...network("999") });
  deepEqual(told[1000], { at: 5, kind: "lost", count: 3 });
  hub.emit(network("new"));
  deepEqual((await listener.next()).value, { at: 5, ...network("new") });
  abort.abort();
  await listener.return(undefined);
});

const OWN = 1;
const HEAD = { networkId: 9, name: "games", online: true } as NetworkHead;
const member = (clientId: number, changes: Partial<Member> = {}): Member => {
  return {
    clientId,
    address: 0x0a4d0000 + clientId,
    nick: `n${clientId}`,
    status: MEMBER_STATUS.online,
    role: 0,
    ...changes,
  };
};
const viewOf = (members: Member[], head = HEAD): NetworksView => ({
  networks: new Map([[9, { head, members: new Map(members.map((each) => [each.clientId, each])) }]]),
  toldSinceLogin: null,
});
const changes = (before: NetworksView, after: NetworksView) =>
  viewEvents(before, after, OWN).map((event) =>
    event.kind === "member"
      ? `${event.member.nick} ${event.change}`
      : event.kind === "network"
      ? event.change
      : event.kind
  );

Deno.test("viewEvents tells what became of networks and of their members, not of oneself", () => {
  const before = viewOf([member(OWN), member(2), member(3), member(4)]);
  const after = viewOf([
    member(OWN, { nick: "other" }),
    member(2, { status: MEMBER_STATUS.offline }),
    member(3, { nick: "new" }),
    member(5),
  ]);
  deepEqual(changes(before, after), ["n2 offline", "new changed", "n5 joined", "n4 left"]);
  deepEqual(changes(after, before), ["n2 online", "n3 changed", "n4 joined", "n5 left"]);
  deepEqual(changes(before, before), []);
  deepEqual(changes(EMPTY_VIEW, before), ["added"]);
  deepEqual(changes(before, EMPTY_VIEW), ["gone"]);
  deepEqual(changes(before, viewOf([...before.networks.get(9)!.members.values()], { ...HEAD, online: false })), [
    "changed",
  ]);
});
