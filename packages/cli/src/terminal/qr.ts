/** A QR code made of half blocks. In colour it is dark on light whatever the terminal's theme, so that phones read it. */
import { renderUnicodeCompact } from "uqr";

export function qrCode(text: string, coloured: boolean): string {
  const lines = renderUnicodeCompact(text, { ecc: "L", border: 2 }).split("\n");
  return lines.map((line) => (coloured ? `\u001b[97;40m${line}\u001b[0m` : line)).join("\n");
}
