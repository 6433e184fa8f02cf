import assert from "node:assert/strict";
import { ProtocolError } from "../../../src/base/errors.ts";
import { childText, findElements, parseXml } from "../../../src/transport/port_mapping/xml.ts";

Deno.test("parseXml reads elements, text, comments and character data, and leaves out prefixes and attributes", () => {
  const root = parseXml(`\ufeff<?xml version="1.0"?>
    <!-- <b>not this</b> -->
    <s:a xmlns:s="urn:x" one = 'a>b'><b>1 &lt; 2</b><s:b/><c><b><![CDATA[<raw>&amp;]]></b></c> tail </s:a>\n\0`);
  assert.deepEqual(root, {
    name: "a",
    text: "tail",
    children: [
      { name: "b", text: "1 < 2", children: [] },
      { name: "b", text: "", children: [] },
      { name: "c", text: "", children: [{ name: "b", text: "<raw>&amp;", children: [] }] },
    ],
  });
  assert.deepEqual(findElements(root, "b").map(({ text }) => text), ["1 < 2", "", "<raw>&amp;"]);
  assert.equal(childText(root, "b"), "1 < 2");
  assert.equal(childText(root, "d"), null);
});

Deno.test("parseXml resolves the five names of XML and character numbers, nothing else", () => {
  assert.equal(parseXml("<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x1F600;</a>").text, `&<>"'A\u{1f600}`);
  for (
    const reference of [
      "&nbsp;",
      "&a;",
      "&#0;",
      "&#xd800;",
      "&#x110000;",
      "&#;",
      "&#x;",
      "&",
      "&amp",
      "& amp;",
      "&#-1;",
    ]
  ) {
    assert.throws(() => parseXml(`<a>${reference}</a>`), /unknown entity/, reference);
  }
});

Deno.test("parseXml refuses document types, and with them entities and external references", () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>`;
  const external = `<!DOCTYPE a SYSTEM "http://192.168.1.9/evil.dtd"><a/>`;
  for (const source of [bomb, external, "<!ELEMENT a ANY><a/>", "<a><!DOCTYPE a></a>"]) {
    assert.throws(() => parseXml(source), /document type/, source);
  }
});

Deno.test("parseXml refuses what is not well-formed", () => {
  const sources = [
    "",
    " ",
    "text",
    "<a>",
    "<a></b>",
    "</a>",
    "<a/><b/>",
    "<a/>text",
    "<a",
    "<a b></a>",
    "<a b=1/>",
    "<1/>",
  ];
  sources.push("<a><b></a></b>", "<!--", "<a><![CDATA[</a>", "<?xml", "<a b='<'/>", "< a/>", "<a\0/>");
  for (const source of sources) assert.throws(() => parseXml(source), ProtocolError, source);
});

Deno.test("parseXml reads 64 KiB, 2000 elements and 32 levels, and no more", () => {
  const deep = (levels: number) => "<a>".repeat(levels) + "</a>".repeat(levels);
  assert.equal(parseXml(deep(32)).name, "a");
  assert.throws(() => parseXml(deep(33)), /too deep/);
  const wide = (count: number) => `<a>${"<b/>".repeat(count - 1)}</a>`;
  assert.equal(parseXml(wide(2000)).children.length, 1999);
  assert.throws(() => parseXml(wide(2001)), /too long/);
  const long = (length: number) => `<a>${"x".repeat(length - 7)}</a>`;
  assert.equal(parseXml(long(65_536)).text.length, 65_529);
  assert.throws(() => parseXml(long(65_537)), /65537 characters/);
});

Deno.test("parseXml takes no longer for a hostile tag than for an honest one", () => {
  const names = "a:".repeat(30_000);
  const spaces = " ".repeat(60_000);
  const attributes = "b='c' ".repeat(8_000);
  const began = performance.now();
  for (
    const source of [`<${names}`, `<a${spaces}b`, `${spaces}x`, `<a ${attributes}!`, `<a>${"&".repeat(60_000)}</a>`]
  ) {
    assert.throws(() => parseXml(source), ProtocolError);
  }
  // Matching in quadratic time takes ten seconds for one of these; the bound leaves room for a slow machine.
  assert.ok(performance.now() - began < 2000);
});
