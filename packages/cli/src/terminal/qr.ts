/** A QR code made of half blocks. In colour it is dark on light whatever the terminal's theme, so that phones read it. */
import encodeQR from "qr";

export function qrCode(text: string, coloured: boolean): string {
  const lines = encodeQR(text, "ascii", { ecc: "low", border: 2 }).trimEnd().split("\n");
  return lines.map((line) => (coloured ? `\u001b[97;40m${line}\u001b[0m` : line)).join("\n");
}
