import { deepEqual, equal, throws } from "node:assert/strict";
import { concat, toBase64Url } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  formatInvite,
  formatNetworkInvite,
  isNetworkInvite,
  parseInvite,
  parseNetworkInvite,
} from "../../src/protocol/mod.ts";
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

const SERVER = { host: "vpn.example.org", port: 12975, pin: PIN };
const TICKET = { server: SERVER, networkId: 7, seed: fill(16, 4), peerSecret: fill(32, 5) };

Deno.test("formatNetworkInvite and parseNetworkInvite agree, with a peer secret and without", () => {
  const link = formatNetworkInvite(TICKET);
  equal(
    link,
    `buri://vpn.example.org:12975/#${KEY}&join=AQAAAAcEBAQEBAQEBAQEBAQEBAQEBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU`,
  );
  deepEqual(parseNetworkInvite(link), TICKET);
  const open = { ...TICKET, peerSecret: null };
  deepEqual(parseNetworkInvite(formatNetworkInvite(open)), open);
});

Deno.test("isNetworkInvite tells it from an invite to a server, which parses as before", () => {
  equal(isNetworkInvite(formatNetworkInvite(TICKET)), true);
  equal(isNetworkInvite(formatInvite(SERVER)), false);
  equal(isNetworkInvite("games&join="), false);
  throws(() => parseInvite(formatNetworkInvite(TICKET)), ProtocolError);
});

Deno.test("parseNetworkInvite refuses anything else", () => {
  const link = formatNetworkInvite(TICKET);
  const [server = "", ticket = ""] = link.split("&join=");
  const bad = [
    server,
    `${server}&join=`,
    `${server}&join=${ticket}A`,
    `${server}&join=${ticket.slice(0, -1)}`,
    `${server}&join=${ticket}&join=${ticket}`,
    `${server}&join=${ticket} `,
    `${server}&x=1&join=${ticket}`,
    `${server}?join=${ticket}`,
    // Version 2 of the ticket.
    `${server}&join=Ag${ticket.slice(2)}`,
    // A peer secret of 31 bytes.
    `${server}&join=${toBase64Url(concat(Uint8Array.of(1, 0, 0, 0, 7), fill(16, 4), fill(31, 5)))}`,
    `https://vpn.example.org:12975/#${KEY}&join=${ticket}`,
  ];
  for (const text of bad) throws(() => parseNetworkInvite(text), ProtocolError, text);
});
