import assert from "node:assert/strict";
import { parseCidr4 } from "../../src/base/ip.ts";
import { diagnose, type HostFacts } from "../../src/engine/diagnosis.ts";
import { FINDING_IDS } from "../../src/ipc/mod.ts";

const device = { name: "buri0", mtu: 1280, isUp: true, hasAddress: true };

/** A computer on which all is well. */
const CLEAN: HostFacts = {
  wantsLogin: true,
  isLoggedIn: true,
  serverAheadMs: 59_000,
  isUdpBlocked: false,
  pool: parseCidr4("10.7.0.0/16"),
  device,
  deviceMtu: 1280,
  routes: [{ destination: "0.0.0.0/0", device: "eth0" }, { destination: "10.7.0.0/16", device: "buri0" }],
  closedChains: [{ name: "inet filter input", openFor: ["lo", "buri0"] }],
  unsaved: null,
};

const idsOf = (changes: Partial<HostFacts>) => diagnose({ ...CLEAN, ...changes }).map(({ id }) => id);

Deno.test("diagnose finds nothing where nothing is wrong", () => {
  assert.deepEqual(idsOf({}), []);
  assert.deepEqual(idsOf({ pool: null, closedChains: null, serverAheadMs: null }), []);
});

Deno.test("diagnose names each fault by itself, with a remedy", () => {
  const faults: [Partial<HostFacts>, string][] = [
    [{ wantsLogin: false, isLoggedIn: false }, "loggedOut"],
    [{ isLoggedIn: false }, "serverUnreachable"],
    [{ isUdpBlocked: true }, "udpBlocked"],
    [{ device: null }, "noDevice"],
    [{ device: { ...device, mtu: null, isUp: false, hasAddress: false } }, "deviceGone"],
    [{ device: { ...device, isUp: false, hasAddress: false } }, "deviceDown"],
    [{ device: { ...device, hasAddress: false } }, "addressMissing"],
    [{ device: { ...device, mtu: 1000 } }, "deviceMtu"],
    [{ routes: [{ destination: "10.7.3.0/24", device: "eth0" }] }, "addressClash"],
    [{ routes: [{ destination: "10.0.0.0/8", device: "eth0" }] }, "addressClash"],
    [{ closedChains: [{ name: "inet filter input", openFor: ["lo"] }] }, "firewall"],
    [{ serverAheadMs: 60_000 }, "clock"],
    [{ serverAheadMs: -3_600_000 }, "clock"],
    [{ unsaved: "Cannot save pins.json: no space left" }, "cannotSave"],
  ];
  for (const [changes, id] of faults) {
    const findings = diagnose({ ...CLEAN, ...changes });
    assert.deepEqual(findings.map((finding) => finding.id), [id]);
    assert.ok(findings.every(({ words, remedy }) => words !== "" && /[.\w]$/.test(remedy)), id);
  }
  const found = new Set(faults.map(([, id]) => id));
  const elsewhere = ["notRunning", "tunMissing", "tunForbidden"];
  assert.deepEqual(FINDING_IDS.filter((id) => !found.has(id) && !elsewhere.includes(id)), []);
});

Deno.test("diagnose says how far a clock is off, and which way", () => {
  assert.match(diagnose({ ...CLEAN, serverAheadMs: 180_000 })[0]!.words, /3 min behind/);
  assert.match(diagnose({ ...CLEAN, serverAheadMs: -180_000 })[0]!.words, /3 min ahead of/);
});
