import { equal, match, ok } from "node:assert/strict";
import { explainPath, type PathEvidence, type PathKind, type PathView } from "../../src/nat/mod.ts";
import { at } from "./path_simulation.ts";

const EASY = { mapping: "endpointIndependent", filtering: "addressAndPortDependent" } as const;
const HARD = { mapping: "addressAndPortDependent", filtering: "addressAndPortDependent" } as const;
const HERE = at("203.0.113.5:42000");
const THERE = at("203.0.113.9:42000");

function path(kind: PathKind, rest: Partial<PathView> = {}): PathView {
  return {
    endpoint: THERE,
    kind,
    transport: "udp",
    isValid: false,
    isInUse: false,
    rttMs: null,
    loss: 0,
    probesSent: 0,
    probesAnswered: 0,
    ...rest,
  };
}

const RELAYED = [path("relay", { isInUse: true, isValid: true }), path("observed", { probesSent: 30 })];

/** Two relayed ends that could reach each other, were it not for `changes`. */
function causeOf(changes: Partial<PathEvidence> = {}): string {
  return explainPath({
    isLoggedIn: true,
    isPeerOnline: true,
    refused: null,
    paths: RELAYED,
    own: { ...EASY, observed: HERE, isUdpBlocked: false },
    peer: { ...EASY, observed: THERE },
    isSearching: false,
    failedSearches: 0,
    ...changes,
  }).cause;
}

const own = { ...EASY, observed: HERE, isUdpBlocked: false };
const peer = { ...EASY, observed: THERE };

Deno.test("explainPath names the fault of each NAT and network", () => {
  equal(causeOf(), "firewall");
  equal(causeOf({ own: { ...own, isUdpBlocked: true } }), "ownUdpBlocked");
  equal(causeOf({ peer: { ...peer, observed: null } }), "peerUdpBlocked");
  equal(causeOf({ own: { ...own, ...HARD } }), "ownHard");
  equal(causeOf({ peer: { ...peer, ...HARD } }), "peerHard");
  equal(causeOf({ own: { ...own, ...HARD }, peer: { ...peer, ...HARD } }), "bothHard");
  equal(causeOf({ peer: { ...peer, observed: at("203.0.113.5:42001") } }), "sameNat");
});

Deno.test("explainPath says nothing of faults that it cannot know yet", () => {
  const fresh = [path("relay", { isInUse: true }), path("observed", { probesSent: 3 })];
  equal(causeOf({ paths: fresh }), "justBegun");
  equal(causeOf({ paths: fresh, peer: { ...peer, ...HARD } }), "justBegun");
  equal(causeOf({ paths: fresh, peer: null }), "justBegun");
  equal(causeOf({ peer: { ...peer, ...HARD }, isSearching: true }), "searching");
  equal(causeOf({ paths: fresh, peer: { ...peer, ...HARD }, failedSearches: 1 }), "peerHard");
});

Deno.test("explainPath tells the states in which no NAT is to blame", () => {
  equal(causeOf({ paths: [path("observed", { isInUse: true })] }), "direct");
  equal(causeOf({ isPeerOnline: false }), "peerOffline");
  equal(causeOf({ isLoggedIn: false, paths: [] }), "notLoggedIn");
  equal(causeOf({ paths: [] }), "noTunnel");
  equal(causeOf({ refused: "it has another key" }), "refused");
});

Deno.test("explainPath says what would help, and why a peer is refused", () => {
  const evidence = {
    isLoggedIn: true,
    isPeerOnline: true,
    paths: [],
    own,
    peer,
    isSearching: false,
    failedSearches: 0,
  };
  match(explainPath({ ...evidence, refused: "it has another key" }).words, /not trusted: it has another key\.$/);
  const hard = explainPath({ ...evidence, refused: null, paths: RELAYED, own: { ...own, ...HARD } });
  match(hard.advice ?? "", /UPnP|forward/);
  ok(explainPath({ ...evidence, refused: null, paths: [path("seen", { isInUse: true })] }).advice === null);
});
