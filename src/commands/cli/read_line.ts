import { fromUtf8 } from "../../base/bytes.ts";
import { ProtocolError, UserError } from "../../base/errors.ts";

/** The longest password or message. */
const MAX_LINE_LENGTH = 1024;

const LINE_FEED = 0x0a;

/** What can be read a byte at a time. */
export interface ByteSource {
  /** Fills the front of `buffer` and resolves to the number of bytes, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * The next line without its end, or null where nothing more comes. Takes no byte behind it, which may be for another
 * program. Throws `UserError` for a line that is too long or no text.
 */
export async function readLine(source: ByteSource): Promise<string | null> {
  const line: number[] = [];
  const byte = new Uint8Array(1);
  for (;;) {
    const isEnd = await source.read(byte) === null;
    if (isEnd && line.length === 0) return null;
    if (isEnd || byte[0] === LINE_FEED) return decodeLine(line);
    if (line.length === MAX_LINE_LENGTH) {
      throw new UserError("Cannot read a line of stdin: it is too long");
    }
    line.push(byte[0] as number);
  }
}

function decodeLine(bytes: readonly number[]): string {
  try {
    return fromUtf8(Uint8Array.from(bytes)).replace(/\r$/, "");
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new UserError("Cannot read a line of stdin: it is not UTF-8", { cause: error });
  }
}
