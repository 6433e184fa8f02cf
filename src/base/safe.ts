/** Line and paragraph ends and tabs, which would break a line of output in two or shift its columns. */
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/gu;

/**
 * What a terminal obeys or an eye cannot see: C0, DEL and C1 controls (ESC among them), bidirectional controls,
 * zero-width and other ignorable characters, and interlinear annotations.
 */
const INVISIBLE = /[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/**
 * `text` made fit to print on one line: breaks become one space, whatever could steer a terminal or deceive a reader is
 * removed, lone surrogates become U+FFFD. Everything that came from a peer, a server or a file passes through here.
 */
export function safe(text: string): string {
  return text.toWellFormed().replace(BREAKS, " ").replace(INVISIBLE, "");
}
