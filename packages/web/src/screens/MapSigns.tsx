/** The signs of servers and links on the map, each told by its shape as well as by its colour; and their legend. */
import { Show, type JSX } from "solid-js";
import type { Look } from "../map/look.ts";

const radii: Record<Look, number> = {
  own: 16,
  connected: 12,
  waiting: 12,
  refused: 12,
  off: 12,
  blocked: 12,
  heard: 8,
};

export const signRadius = (look: Look, scale: number): number => radii[look] * scale;

/** Drawn in a square of 24 around the middle. */
const glyphs: Record<Look, string> = {
  own: "M-6.5 -0.5L0 -6.5L6.5 -0.5M-4.5 -1.5V6H4.5V-1.5",
  connected: "M-4.5 0.5L-1.5 3.5L4.5 -3.5",
  waiting: "M-4.5 0H-4.4M0 0H0.1M4.5 0H4.6",
  refused: "M-3.8 -3.8L3.8 3.8M3.8 -3.8L-3.8 3.8",
  off: "M-4.5 0H4.5",
  blocked: "M-7.6 7.6L7.6 -7.6",
  heard: "",
};

interface SignProps {
  look: Look;
  relays: boolean;
  scale?: number;
  marked?: boolean;
}

export function ServerSign(props: SignProps): JSX.Element {
  const radius = () => signRadius(props.look, props.scale ?? 1);
  return (
    <g class="map-sign" data-look={props.look}>
      <Show when={props.marked}>
        <circle class="map-mark" r={radius() + 8} />
      </Show>
      <Show when={props.relays}>
        <circle class="map-relays" r={radius() + 4 * (props.scale ?? 1)} />
      </Show>
      <circle class="map-disc" r={radius()} />
      <Show when={glyphs[props.look]}>
        {(glyph) => <path class="map-glyph" d={glyph()} transform={`scale(${props.scale ?? 1})`} />}
      </Show>
    </g>
  );
}
