/** A QR code as one SVG path, dark on white whatever the theme, because cameras expect it so. */
import { createMemo, type JSX } from "solid-js";
import encodeQR from "qr";

export function Qr(props: { text: string; label: string; testid?: string }): JSX.Element {
  const code = createMemo(() => encodeQR(props.text, "raw", { ecc: "low", border: 3 }));
  const path = createMemo(() => {
    let d = "";
    for (const [y, row] of code().entries())
      for (const [x, isDark] of row.entries()) if (isDark) d += `M${x} ${y}h1v1h-1z`;
    return d;
  });
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${code().length} ${code().length}`}
      role="img"
      aria-label={props.label}
      data-testid={props.testid ?? "invite-qr"}
    >
      <rect width={code().length} height={code().length} fill="#fff" />
      <path d={path()} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}
