/** Which names a drawing has room for, and where: nothing is written over anything else. */
import type { Space } from "./layout.ts";
import { labelCharacterPx, labelCharactersMax, labelHeightPx } from "./measures.ts";

export interface Labelled {
  id: string;
  text: string;
  x: number;
  y: number;
  /** Half the width of the server's own sign. */
  radius: number;
}

export interface Label {
  id: string;
  text: string;
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * @param servers the most important first: they get the room
 * @param kept a corner that stays free, at the end of the first line
 */
export function labelsThatFit(servers: readonly Labelled[], space: Space, kept: Space): Label[] {
  const taken: { box: Box; id: string }[] = servers.map(({ id, x, y, radius }) => ({
    id,
    box: { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius },
  }));
  taken.push({
    id: "",
    box: { left: space.width - kept.width, right: space.width, top: 0, bottom: kept.height },
  });
  const labels: Label[] = [];
  for (const server of servers) {
    const text = shortened(server.text);
    const width = [...text].length * labelCharacterPx;
    for (const { label, box } of places(server, text, width)) {
      if (box.left < 0 || box.right > space.width || box.top < 0 || box.bottom > space.height) continue;
      if (taken.some((other) => other.id !== server.id && overlap(other.box, box))) continue;
      labels.push(label);
      taken.push({ id: "", box });
      break;
    }
  }
  return labels;
}

function places({ id, x, y, radius }: Labelled, text: string, width: number): { label: Label; box: Box }[] {
  const half = labelHeightPx / 2;
  const boxAt = (left: number, middle: number): Box => ({
    left,
    right: left + width,
    top: middle - half,
    bottom: middle + half,
  });
  const below = y + radius + half + 3;
  const above = y - radius - half - 3;
  const aside = radius + 6;
  return [
    { label: { id, text, x, y: below, anchor: "middle" as const }, box: boxAt(x - width / 2, below) },
    { label: { id, text, x: x + aside, y, anchor: "start" as const }, box: boxAt(x + aside, y) },
    { label: { id, text, x: x - aside, y, anchor: "end" as const }, box: boxAt(x - aside - width, y) },
    { label: { id, text, x, y: above, anchor: "middle" as const }, box: boxAt(x - width / 2, above) },
  ];
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length <= labelCharactersMax
    ? text
    : `${characters.slice(0, labelCharactersMax - 1).join("")}…`;
}
