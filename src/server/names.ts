import { utf8 } from "../base/bytes.ts";
import { MAX_TEXT_LENGTH, nameKey } from "../protocol/mod.ts";

/** Network names are 4 to 64 bytes of UTF-8, as Hamachi's are. */
const MIN_NETWORK_NAME_LENGTH = 4;
const MAX_NICK_GRAPHEMES = 32;

/** Controls, halves of characters, private use, line ends, and what turns the direction of writing. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** What a screen does not show. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Characters that look alike in common fonts, each with the letter that stands for all of them. It is a selection from
 * the tables of UTS #39: Latin, Cyrillic and Greek letters and the digits that pass for letters.
 */
const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  [
    ["a", "аα"],
    ["b", "вβьƅ"],
    ["c", "сϲ"],
    ["d", "ԁ"],
    ["e", "еҽε"],
    ["g", "ɡ"],
    ["h", "нһη"],
    ["j", "ј"],
    ["k", "кκ"],
    ["l", "1i|ıіӏιǀ"],
    ["m", "мμ"],
    ["n", "ո"],
    ["o", "0оοօ"],
    ["p", "рρ"],
    ["q", "ԛ"],
    ["s", "ѕ"],
    ["t", "тτ"],
    ["u", "υս"],
    ["v", "ѵν"],
    ["w", "ԝω"],
    ["x", "хχ"],
    ["y", "уүγ"],
    ["z", "ζᴢ"],
    ["-", "‐‑‒–—−"],
    ["'", "’‘ʼ`´"],
  ].flatMap(([letter, others]) => [...others!].map((other) => [other, letter!] as const)),
);

/**
 * Whether `name` may name a network: 4 to 64 bytes of UTF-8 in form NFC, something visible in it, no controls, no blank at
 * either end.
 */
export function isNetworkName(name: string): boolean {
  const { length } = utf8(name);
  return length >= MIN_NETWORK_NAME_LENGTH && length <= MAX_TEXT_LENGTH.networkName && isCleanText(name);
}

/** Whether `nick` may be a nickname: 1 to 128 bytes, at most 32 characters as a reader counts them, else as a name. */
export function isNick(nick: string): boolean {
  if (utf8(nick).length > MAX_TEXT_LENGTH.nick || !isCleanText(nick)) return false;
  const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" }).segment(nick);
  return [...graphemes].length <= MAX_NICK_GRAPHEMES;
}

/**
 * Equal for names that a reader may take for each other: besides the name key's folding (PROTOCOL.md section 6), runs of
 * blanks, invisible characters and lookalike letters. Unique per server, so that nobody opens a network that passes for
 * another one. Never shown, and never used to find a network.
 */
export function compareKeyOf(name: string): string {
  const folded = nameKey(name).replace(INVISIBLE, "").replace(/\s+/gu, " ").trim();
  return [...folded].map((character) => LOOKALIKES.get(character) ?? character).join("");
}

function isCleanText(text: string): boolean {
  return text === text.normalize("NFC") && text === text.trim() && !FORBIDDEN.test(text) && compareKeyOf(text) !== "";
}
