import assert from "node:assert/strict";
import { ProtocolError } from "../../../src/base/errors.ts";
import { decodeCallAnswer, encodeCall, UpnpFault } from "../../../src/transport/port_mapping/soap.ts";

const SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1";
const CONTROL = { host: "192.168.1.1", port: 5000, target: "/ctl/IPConn" };

function envelope(inner: string): string {
  return '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    `s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>${inner}</s:Body></s:Envelope>`;
}

function fault(code: string, description = "ConflictInMappingEntry"): string {
  return envelope(
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>" +
      `<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${code}</errorCode>` +
      `<errorDescription>${description}</errorDescription></UPnPError></detail></s:Fault>`,
  );
}

Deno.test("encodeCall writes an action with its arguments in order", () => {
  const args = [["NewRemoteHost", ""], ["NewExternalPort", 4000]] as const;
  const request = encodeCall({ control: CONTROL, service: SERVICE, action: "DeletePortMapping", args });
  assert.deepEqual([request.method, request.url, request.headers], ["POST", CONTROL, {
    "Content-Type": 'text/xml; charset="utf-8"',
    SOAPAction: `"${SERVICE}#DeletePortMapping"`,
  }]);
  assert.match(
    request.body,
    /<s:Body><u:DeletePortMapping xmlns:u="urn:[^"]+:1"><NewRemoteHost><\/NewRemoteHost><NewExternalPort>4000<\/NewExternalPort><\/u:DeletePortMapping><\/s:Body>/,
  );
});

Deno.test("encodeCall refuses a value that would need escaping", () => {
  for (const value of ["<a>", "a&b", '"', "a\r\nb"]) {
    assert.throws(
      () => encodeCall({ control: CONTROL, service: SERVICE, action: "A", args: [["b", value]] }),
      RangeError,
    );
  }
});

Deno.test("decodeCallAnswer gives what the action returned", () => {
  const body = envelope(
    `<u:GetExternalIPAddressResponse xmlns:u="${SERVICE}"><NewExternalIPAddress>45.0.0.2</NewExternalIPAddress>` +
      "</u:GetExternalIPAddressResponse>",
  );
  assert.deepEqual([...decodeCallAnswer({ status: 200, body }, "GetExternalIPAddress")], [
    ["NewExternalIPAddress", "45.0.0.2"],
  ]);
});

Deno.test("decodeCallAnswer throws the gateway's error with its number and words", () => {
  for (const status of [500, 200]) {
    assert.throws(() => decodeCallAnswer({ status, body: fault("718") }, "AddPortMapping"), (error) => {
      assert.ok(error instanceof UpnpFault);
      assert.deepEqual([error.code, error.message], [718, "error 718 (ConflictInMappingEntry)"]);
      return true;
    });
  }
  const long = { status: 500, body: fault("501", "x".repeat(5000)) };
  assert.throws(() => decodeCallAnswer(long, "A"), (error) => error instanceof Error && error.message.length < 130);
});

Deno.test("decodeCallAnswer refuses other statuses, other answers and faults without a number", () => {
  const other = envelope("<u:DeletePortMappingResponse/>");
  for (
    const [status, body] of [
      [404, other],
      [302, other],
      [500, other],
      [500, envelope("<u:AddPortMappingResponse/>")],
      [200, other],
      [200, envelope("")],
      [200, "<html></html>"],
      [200, ""],
      [500, fault("")],
      [500, fault("7x8")],
      [500, envelope("<s:Fault/>")],
    ] as const
  ) {
    assert.throws(() => decodeCallAnswer({ status, body }, "AddPortMapping"), ProtocolError, `${status} ${body}`);
  }
});
