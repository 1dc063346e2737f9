/** A QR code as one SVG path, dark on white whatever the theme, because cameras expect it so. */
import { createMemo, type JSX } from "solid-js";
import { encode } from "uqr";

export function Qr(props: { text: string; label: string; testid?: string }): JSX.Element {
  const code = createMemo(() => encode(props.text, { ecc: "L", border: 3 }));
  const path = createMemo(() => {
    const { data, size } = code();
    let d = "";
    for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (data[y]?.[x]) d += `M${x} ${y}h1v1h-1z`;
    return d;
  });
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${code().size} ${code().size}`}
      role="img"
      aria-label={props.label}
      data-testid={props.testid ?? "invite-qr"}
    >
      <rect width={code().size} height={code().size} fill="#fff" />
      <path d={path()} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}
