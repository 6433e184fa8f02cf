import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../../src/base/bytes.ts";
import { ProtocolError } from "../../../src/base/errors.ts";
import { decodeSearchAnswer, encodeSearch, GATEWAY_DEVICES } from "../../../src/transport/port_mapping/ssdp.ts";

/** As miniupnpd 2.3.1 sends it. */
const ANSWER = [
  "HTTP/1.1 200 OK",
  "CACHE-CONTROL: max-age=120",
  "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "USN: uuid:6123d6bc-58de-4d22-ba63-30c353b50ddc::urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "EXT:",
  "SERVER: Debian/6.18 UPnP/1.1 MiniUPnPd/2.3.1",
  "LOCATION: http://192.168.7.1:5000/rootDesc.xml",
  'OPT: "http://schemas.upnp.org/upnp/1/0/"; ns=01',
  "",
  "",
].join("\r\n");

Deno.test("encodeSearch writes an M-SEARCH as UPnP Device Architecture 1.1 section 1.3.2 says", () => {
  assert.equal(
    fromUtf8(encodeSearch(GATEWAY_DEVICES[0]!)),
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n' +
      "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
  );
});

Deno.test("decodeSearchAnswer reads what miniupnpd sends", () => {
  assert.deepEqual(decodeSearchAnswer(utf8(ANSWER)), {
    location: "http://192.168.7.1:5000/rootDesc.xml",
    server: "Debian/6.18 UPnP/1.1 MiniUPnPd/2.3.1",
  });
  assert.equal(decodeSearchAnswer(utf8(ANSWER.replace(/SERVER.*\r\n/, ""))).server, null);
});

Deno.test("decodeSearchAnswer refuses other devices, other messages and endless ones", () => {
  const bad = [
    ANSWER.replace("InternetGatewayDevice:1\r", "MediaServer:1\r"),
    ANSWER.replace("HTTP/1.1 200 OK", "NOTIFY * HTTP/1.1"),
    ANSWER.replace("200 OK", "404 Not Found"),
    ANSWER.replace(/LOCATION.*\r\n/, ""),
    ANSWER.trimEnd(),
    "",
    ANSWER.replace("EXT:", `EXT:${" ".repeat(2048)}`),
  ];
  for (const text of bad) assert.throws(() => decodeSearchAnswer(utf8(text)), ProtocolError, text);
});
