import { utf8 } from "../base/bytes.ts";
import { ControlError } from "../ipc/schema.ts";

const MAX_NICK_LENGTH = 128;
const MAX_NICK_CHARACTERS = 32;
const MIN_NETWORK_NAME_LENGTH = 4;
const MAX_NETWORK_NAME_LENGTH = 64;

/** The nickname as it is sent (Unicode NFC). @throws {ControlError} `invalidNick` */
export function requireNick(text: string): string {
  const nick = text.normalize("NFC");
  const characters = [...new Intl.Segmenter("und", { granularity: "grapheme" }).segment(nick)].length;
  const isShort = utf8(nick).length <= MAX_NICK_LENGTH && characters <= MAX_NICK_CHARACTERS;
  if (nick !== "" && isShort && isClean(nick)) return nick;
  throw new ControlError("invalidNick", "A nickname has 1 to 32 characters, without blanks at its ends.");
}

/** The network's name as it is sent (Unicode NFC). @throws {ControlError} `invalidName` */
export function requireNetworkName(text: string): string {
  const name = text.normalize("NFC");
  const { length } = utf8(name);
  if (length >= MIN_NETWORK_NAME_LENGTH && length <= MAX_NETWORK_NAME_LENGTH && isClean(name)) return name;
  throw new ControlError("invalidName", "A network's name has 4 to 64 bytes, without blanks at its ends.");
}

function isClean(text: string): boolean {
  return text.isWellFormed() && text.trim() === text && !/\p{Cc}/u.test(text);
}
