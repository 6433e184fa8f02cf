// deno-lint-ignore no-control-regex -- what is looked for begins with ESC
const SEQUENCE = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** Text for a terminal without its CSI sequences. */
export function withoutSequences(text: string): string {
  return text.replaceAll(SEQUENCE, "");
}
