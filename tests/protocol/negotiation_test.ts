import { deepEqual, equal, throws } from "node:assert/strict";
import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { Field } from "../../src/protocol/fields.ts";
import { chooseAead, nameKey } from "../../src/protocol/mod.ts";
import { modernSuites, offers } from "../../src/protocol/negotiation.ts";

Deno.test("chooseAead takes the one whose slower end is fastest", () => {
  const desktop = [{ aead: 1, costNs: 300 }, { aead: 2, costNs: 900 }];
  const phone = [{ aead: 1, costNs: 5000 }, { aead: 2, costNs: 1200 }];
  equal(chooseAead(desktop, desktop), 1);
  equal(chooseAead(desktop, phone), 2);
  equal(chooseAead(phone, desktop), 2);
});

Deno.test("chooseAead takes the lower number on a tie, and never one that only one end offers", () => {
  const even = [{ aead: 2, costNs: 7 }, { aead: 1, costNs: 7 }];
  equal(chooseAead(even, even), 1);
  equal(chooseAead(even, [{ aead: 1, costNs: 9000 }]), 1);
  equal(chooseAead([{ aead: 3, costNs: 1 }], even), null);
});

Deno.test("modernSuites and offers refuse a list without suite 2, and one without AES-256-GCM", () => {
  const read = <T>(field: Field<T>, value: T) => field.read(new ByteReader(written(field, value)));
  deepEqual(read(modernSuites, [1, 2]), [1, 2]);
  throws(() => read(modernSuites, [1, 3]), ProtocolError);
  const chacha = { aead: 2, costNs: 1 };
  deepEqual(read(offers, [chacha, { aead: 1, costNs: 9 }]).length, 2);
  throws(() => read(offers, [chacha]), ProtocolError);
});

function written<T>(field: Field<T>, value: T): Uint8Array {
  const writer = new ByteWriter();
  field.write(writer, value);
  return writer.finish();
}

Deno.test("nameKey is equal for spellings of one name and keeps different ones apart", () => {
  equal(nameKey("LAN Party"), nameKey("lan party"));
  equal(nameKey("ﬁsh"), nameKey("FISH"));
  equal(nameKey("e\u0301te\u0301"), nameKey("ÉTÉ"));
  equal(nameKey("Ⅷ"), "viii");
  equal(nameKey("STRASSE") === nameKey("straße"), false);
});
