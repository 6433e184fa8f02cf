import { concat, toHex, utf8 } from "../../../src/base/bytes.ts";
import { sha256 } from "../../../src/crypto/hash.ts";

/** A value of an example: bytes, or text as it stands. */
type ExampleValue = Uint8Array | string;

interface Section {
  id: string;
  title: string;
  note: string;
  values: [name: string, value: ExampleValue][];
}

const BYTES_PER_LINE = 48;

/** Collects examples, and writes them for people (Markdown) and for programs (JSON). */
export class ExampleBook {
  readonly #sections: Section[] = [];

  /** Begins a section; `note` is Markdown. */
  section(id: string, title: string, note: string): void {
    this.#sections.push({ id, title, note, values: [] });
  }

  /** Adds a value to the section begun last and returns it. */
  add<T extends ExampleValue>(name: string, value: T): T {
    const { values, id } = this.#sections.at(-1)!;
    if (values.some(([taken]) => taken === name)) throw new Error(`Two values ${id}.${name}`);
    values.push([name, value]);
    return value;
  }

  /** Adds a value made from its name: SHA-256 of label, name and a counter, as often as needed. */
  made(name: string, length: number): Uint8Array<ArrayBuffer> {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, n) => {
      return sha256(utf8(`buri example ${name}`), Uint8Array.of(0, n));
    });
    return this.add(name, concat(...blocks).slice(0, length));
  }

  toJson(): string {
    const sections = this.#sections.map(({ id, values }) => [
      id,
      Object.fromEntries(values.map(([name, value]) => [name, typeof value === "string" ? value : toHex(value)])),
    ]);
    return JSON.stringify(Object.fromEntries(sections), null, 2) + "\n";
  }

  toMarkdown(introduction: string): string {
    const sections = this.#sections.map(({ id, title, note, values }, index) => {
      const block = values.map(([name, value]) => writeValue(name, value)).join("\n");
      return `## ${index + 1}. ${title}\n\n${note}\n\nIn the file: \`${id}\`.\n\n\`\`\`text\n${block}\n\`\`\`\n`;
    });
    return `${introduction}\n${sections.join("\n")}`;
  }
}

function writeValue(name: string, value: ExampleValue): string {
  if (typeof value === "string") return `${name}\n  ${value}`;
  const hex = toHex(value);
  const lines = hex.match(new RegExp(`.{1,${2 * BYTES_PER_LINE}}`, "g")) ?? [];
  return [`${name} (${value.length})`, ...lines.map((line) => `  ${line}`)].join("\n");
}
