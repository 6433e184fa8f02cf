import { deepEqual, equal, throws } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import { formatInvite, parseInvite } from "../../src/protocol/mod.ts";
import { fill } from "./sample.ts";

const PIN = { ed25519: fill(32, 1), rsaSha1: fill(20, 2), rsaSha256: fill(32, 3) };
const KEY = formatInvite({ host: "a", port: 1, pin: PIN }).split("#")[1]!;

Deno.test("formatInvite and parseInvite agree on names, IPv4 and bracketed IPv6 addresses", () => {
  for (const host of ["vpn.example.org", "192.0.2.1", "2001:db8::1", "localhost", "xn--bcher-kva.example"]) {
    const link = formatInvite({ host, port: 12975, pin: PIN });
    deepEqual(parseInvite(link), { host, port: 12975, pin: PIN });
  }
  equal(formatInvite({ host: "2001:db8::1", port: 5, pin: PIN }), `buri://[2001:db8::1]:5/#${KEY}`);
});

Deno.test("parseInvite refuses anything else", () => {
  const bad = [
    "",
    "buri://host:1/",
    `https://host:1/#${KEY}`,
    `buri://host/#${KEY}`,
    `buri://host:0/#${KEY}`,
    `buri://host:65536/#${KEY}`,
    `buri://host:01/#${KEY}`,
    `buri://host:1#${KEY}`,
    `buri://host:1/x#${KEY}`,
    `buri://user@host:1/#${KEY}`,
    `buri://ho st:1/#${KEY}`,
    `buri://-host:1/#${KEY}`,
    `buri://1.2.3.256:1/#${KEY}`,
    `buri://1.2.3:1/#${KEY}`,
    `buri://[1.2.3.4]:1/#${KEY}`,
    `buri://2001:db8::1:1/#${KEY}`,
    `buri://[2001:db8:::1]:1/#${KEY}`,
    `buri://host:1/#${KEY}A`,
    `buri://host:1/#${KEY.slice(1)}`,
    `buri://host:1/#${KEY.slice(0, -1)}=`,
    ` buri://host:1/#${KEY}`,
    `buri://host:1/#${KEY}\n`,
    // Version 2 of the key.
    `buri://host:1/#Ag${KEY.slice(2)}`,
  ];
  for (const link of bad) throws(() => parseInvite(link), ProtocolError, link);
});
