import { renderUnicodeCompact } from "uqr";

/** A QR code of `text` for a terminal, light on dark with its quiet border: one line for two rows of it. */
export function renderQrCode(text: string): string[] {
  return renderUnicodeCompact(text, { ecc: "L", border: 2 }).split("\n");
}
