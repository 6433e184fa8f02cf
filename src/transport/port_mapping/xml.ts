/**
 * As much of XML as routers write: elements, text, comments. What makes XML dangerous (document types, entities of one's
 * own, external references) is refused, not skipped.
 *
 * @module
 */
import { ProtocolError } from "../../base/errors.ts";

/** Far more than any device description needs. */
const MAX_LENGTH = 65_536;
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 2000;

/** `<`, name with an optional prefix, attributes, an optional `/`, `>`. */
const START_TAG = /<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)>/y;
const END_TAG = /<\/(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)\s*>/y;
const TEXT = /[^<]+/y;
const REFERENCE = /&([^;&]{0,12});?/g;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** An element. Prefixes and attributes are left out: nothing that Buri reads depends on them. */
export interface XmlElement {
  /** Without its prefix. */
  name: string;
  /** Its own text, white space at both ends removed; not that of its children. */
  text: string;
  /** In order. */
  children: XmlElement[];
}

/** Reads a document of at most 64 KiB, 2000 elements and 32 levels. @throws {ProtocolError} */
export function parseXml(source: string): XmlElement {
  if (source.length > MAX_LENGTH) throw new ProtocolError(`XML document of ${source.length} characters`);
  return new XmlParser(source.slice(0, lengthWithoutEnd(source))).parse();
}

/** Some routers send the end of their C string along. By a loop, as `/\s+$/` would try anew at each space. */
function lengthWithoutEnd(source: string): number {
  let length = source.length;
  while (length > 0 && " \t\r\n\0".includes(source[length - 1]!)) length--;
  return length;
}

class XmlParser {
  readonly #source: string;
  readonly #open: XmlElement[] = [];
  #at = 0;
  #count = 0;
  #root: XmlElement | null = null;

  constructor(source: string) {
    this.#source = source.startsWith("\ufeff") ? source.slice(1) : source;
  }

  parse(): XmlElement {
    while (this.#at < this.#source.length) this.#step();
    if (this.#root === null || this.#open.length > 0) throw new ProtocolError("XML document ends early");
    return this.#root;
  }

  #step(): void {
    const text = this.#match(TEXT);
    if (text !== null) return this.#addText(decodeReferences(text[0]));
    if (this.#skip("<!--", "-->") || this.#skip("<?", "?>")) return;
    const start = this.#at;
    if (this.#skip("<![CDATA[", "]]>")) return this.#addText(this.#source.slice(start + 9, this.#at - 3));
    const end = this.#match(END_TAG);
    if (end !== null) return this.#close(end[1]!);
    const tag = this.#match(START_TAG);
    if (tag === null) throw new ProtocolError("XML with a document type or a malformed tag");
    this.#openElement(tag[1]!);
    if (tag[2] === "/") this.#close(tag[1]!);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #skip(begin: string, end: string): boolean {
    if (!this.#source.startsWith(begin, this.#at)) return false;
    const found = this.#source.indexOf(end, this.#at + begin.length);
    if (found < 0) throw new ProtocolError(`XML without ${end}`);
    this.#at = found + end.length;
    return true;
  }

  #addText(text: string): void {
    const element = this.#open.at(-1);
    if (element !== undefined) element.text += text;
    else if (text.trim() !== "") throw new ProtocolError("XML with text outside its root");
  }

  #openElement(name: string): void {
    const element: XmlElement = { name, text: "", children: [] };
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.children.push(element);
    else if (this.#root !== null) throw new ProtocolError("XML with two roots");
    else this.#root = element;
    this.#open.push(element);
    if (this.#open.length > MAX_DEPTH || ++this.#count > MAX_ELEMENTS) {
      throw new ProtocolError("XML too deep or too long");
    }
  }

  #close(name: string): void {
    const element = this.#open.pop();
    if (element?.name !== name) throw new ProtocolError(`XML closes <${name}>, which is not open`);
    element.text = element.text.trim();
  }
}

/** Resolves the five names that XML itself defines, and character numbers. */
function decodeReferences(text: string): string {
  return text.replace(REFERENCE, (reference, name: string) => {
    const known = NAMED[name];
    const number = /^#(?:(\d{1,7})|x([\dA-Fa-f]{1,6}))$/.exec(name);
    const point = number === null ? NaN : parseInt(number[1] ?? number[2]!, number[1] === undefined ? 16 : 10);
    const isCharacter = point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    const character = known ?? (isCharacter ? String.fromCodePoint(point) : undefined);
    if (character === undefined || !reference.endsWith(";")) throw new ProtocolError("XML with an unknown entity");
    return character;
  });
}

/** All elements of that name below `element`, in document order. */
export function findElements(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...findElements(child, name)]);
}

/** Text of the first child of that name; null where there is none. */
export function childText(element: XmlElement, name: string): string | null {
  return element.children.find((child) => child.name === name)?.text ?? null;
}
