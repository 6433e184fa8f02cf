import assert from "node:assert/strict";
import { decodeDescription } from "../../../src/transport/port_mapping/igd.ts";

const LOCATION = { host: "192.168.1.1", port: 5000, target: "/rootDesc.xml" };

function service(type: string, controlUrl: string): string {
  return `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><serviceId>x</serviceId>` +
    `<SCPDURL>/x.xml</SCPDURL><controlURL>${controlUrl}</controlURL><eventSubURL>/evt</eventSubURL></service>`;
}

/** The shape of miniupnpd's: a device in a device in a device. */
function description(services: string, head = ""): string {
  const device = (type: string, inner: string) =>
    `<device><deviceType>urn:schemas-upnp-org:device:${type}</deviceType><modelName>My ${type}</modelName>${inner}</device>`;
  const connection = device("WANConnectionDevice:2", `<serviceList>${services}</serviceList>`);
  const wan = device("WANDevice:2", `<deviceList>${connection}</deviceList>`);
  return `<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0">${head}` +
    device("InternetGatewayDevice:2", `<deviceList>${wan}</deviceList>`) + "</root>";
}

Deno.test("decodeDescription finds the services that map ports, the best first", () => {
  const text = description(
    service("WANPPPConnection:1", "/ppp") + service("Layer3Forwarding:1", "/l3f") +
      service("WANIPConnection:1", "ip1") +
      service("WANIPConnection:2", "http://192.168.1.1:49152/ip2"),
  );
  const { model, services } = decodeDescription(text, LOCATION);
  assert.equal(model, "My InternetGatewayDevice:2");
  assert.deepEqual(services.map(({ type, control, canChoosePort }) => [type.slice(29), control, canChoosePort]), [
    ["WANIPConnection:2", { host: "192.168.1.1", port: 49152, target: "/ip2" }, true],
    ["WANIPConnection:1", { host: "192.168.1.1", port: 5000, target: "/ip1" }, false],
    ["WANPPPConnection:1", { host: "192.168.1.1", port: 5000, target: "/ppp" }, false],
  ]);
});

Deno.test("decodeDescription resolves against URLBase where there is one", () => {
  const text = description(service("WANIPConnection:1", "ctl"), "<URLBase>http://192.168.1.1:80/upnp/</URLBase>");
  assert.deepEqual(decodeDescription(text, LOCATION).services[0]!.control, {
    host: "192.168.1.1",
    port: 80,
    target: "/upnp/ctl",
  });
});

Deno.test("decodeDescription believes no URL that leads away from the gateway", () => {
  for (const url of ["http://192.168.1.9/ctl", "//192.168.1.9/ctl", "http://127.0.0.1:80/ctl", "/a b", ""]) {
    const text = description(service("WANIPConnection:1", url));
    assert.throws(() => decodeDescription(text, LOCATION), /no service that maps ports/, url);
  }
  const elsewhere = description(service("WANIPConnection:1", "/c"), "<URLBase>http://192.168.1.9/</URLBase>");
  assert.throws(() => decodeDescription(elsewhere, LOCATION), /base on another host/);
});

Deno.test("decodeDescription passes over services of other makers and versions, and caps their number", () => {
  assert.throws(() => decodeDescription(description(service("WANIPConnection:3", "/c")), LOCATION), /no service/);
  assert.throws(() => decodeDescription("<scpd/>", LOCATION), /no device description/);
  const many = description(
    Array.from({ length: 50 }, (_, index) => service("WANIPConnection:1", `/${index}`)).join(""),
  );
  assert.equal(decodeDescription(many, LOCATION).services.length, 4);
});
