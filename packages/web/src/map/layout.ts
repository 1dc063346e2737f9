/**
 * Where each server of the network stands in a drawing: our own in the middle, the others on rings by how many links
 * away they are, next to those through which they are reached. The same network in the same space always gives the same
 * drawing, so that nothing moves by itself.
 */
import type { MapEdge, MapServer } from "@fedchat/engine/interface";
import { edgePaddingPx, nodeSpacingPx, ringsMax } from "./measures.ts";

export interface Space {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
  ring: number;
}

export interface Layout {
  points: ReadonlyMap<string, Point>;
  centre: { x: number; y: number };
  /** Half axes of the rings, the innermost first. */
  rings: { x: number; y: number }[];
}

/** What is placed of a server. */
export type Placed = Pick<MapServer, "serverId" | "shownName" | "hops">;

interface Branch {
  id: string;
  ring: number;
  children: Branch[];
  /** How many ends of branches there are in it. */
  ends: number;
}

/** @param servers our own first */
export function layOut(servers: readonly Placed[], edges: readonly MapEdge[], space: Space): Layout {
  const centre = { x: space.width / 2, y: space.height / 2 };
  const root = tree(servers, edges);
  if (root === undefined) return { points: new Map(), centre, rings: [] };
  const depth = depthOf(root);
  const angles = new Map<string, number>();
  const outer = outerRing(space);
  const ringAt = (ring: number) => (depth === 1 ? 0.74 : ring / depth);
  // Along the longer side there is more room for the first branch.
  const begin = space.width >= space.height ? 0 : -Math.PI / 2;
  spread(root, begin, 2 * Math.PI, angles, (ring) => ringAt(ring) * ((outer.x + outer.y) / 2));

  const points = new Map<string, Point>([[root.id, { ...centre, ring: 0 }]]);
  for (let ring = 1; ring <= depth; ring++) {
    const on = onRing(root, ring).sort((a, b) => angles.get(a)! - angles.get(b)!);
    const lanes = lanesOf(on.length, ringAt(ring), outer, ring === 1 ? 2 * Math.PI : span(on, angles));
    on.forEach((id, index) => {
      // On a crowded ring neighbours take turns in lanes, all of them inside it.
      const lane = lanes === 1 ? 0 : (index % lanes) / lanes;
      const part = ringAt(ring) - lane * 0.8 * (depth === 1 ? 0.5 : 1 / depth);
      const angle = angles.get(id)!;
      points.set(id, {
        x: centre.x + Math.cos(angle) * outer.x * part,
        y: centre.y + Math.sin(angle) * outer.y * part,
        ring,
      });
    });
  }
  const rings = Array.from({ length: depth }, (_, index) => ({
    x: outer.x * ringAt(index + 1),
    y: outer.y * ringAt(index + 1),
  }));
  return { points, centre, rings };
}

/** Each server hangs on one that is a link nearer to us, on the one that bears least so far. */
function tree(servers: readonly Placed[], edges: readonly MapEdge[]): Branch | undefined {
  const [own] = servers;
  if (own === undefined) return undefined;
  const branches = new Map<string, Branch>();
  const linked = new Map<string, string[]>();
  for (const { a, b } of edges) {
    linked.set(a, [...(linked.get(a) ?? []), b]);
    linked.set(b, [...(linked.get(b) ?? []), a]);
  }
  const root: Branch = { id: own.serverId, ring: 0, children: [], ends: 1 };
  branches.set(root.id, root);
  const outward = servers
    .slice(1)
    .sort((a, b) => a.hops - b.hops || byName(a.shownName, b.shownName) || byName(a.serverId, b.serverId));
  for (const { serverId, hops } of outward) {
    const ring = Math.min(Math.max(1, hops), ringsMax);
    const nearer = (linked.get(serverId) ?? [])
      .flatMap((id) => branches.get(id) ?? [])
      .filter((branch) => branch.ring === ring - 1)
      .sort((a, b) => a.children.length - b.children.length || byName(a.id, b.id));
    const branch: Branch = { id: serverId, ring, children: [], ends: 1 };
    branches.set(serverId, branch);
    (nearer[0] ?? root).children.push(branch);
  }
  count(root);
  return root;
}

/** Not by locale: a drawing must not differ from one browser to another. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function count(branch: Branch): number {
  branch.ends = Math.max(
    1,
    branch.children.reduce((sum, child) => sum + count(child), 0),
  );
  return branch.ends;
}

const depthOf = (branch: Branch): number =>
  branch.children.reduce((deepest, child) => Math.max(deepest, depthOf(child)), Math.max(1, branch.ring));

/** Gives each branch its part of the circle, around the direction of what it hangs on. */
function spread(
  branch: Branch,
  direction: number,
  within: number,
  angles: Map<string, number>,
  radius: (ring: number) => number,
): void {
  angles.set(branch.id, direction);
  if (branch.children.length === 0) return;
  const needed = (branch.ends * nodeSpacingPx) / radius(branch.ring + 1);
  // What hangs on one server stays on its side of the drawing, unless there is no room.
  const room = branch.ring === 0 ? within : Math.min(within, Math.max(Math.PI * 0.8, needed));
  const whole = branch.ring === 0;
  const first = branch.children[0]!;
  let at = whole ? direction - (room * first.ends) / branch.ends / 2 : direction - room / 2;
  for (const child of branch.children) {
    const part = (room * child.ends) / branch.ends;
    spread(child, at + part / 2, part, angles, radius);
    at += part;
  }
}

function onRing(branch: Branch, ring: number): string[] {
  const here = branch.ring === ring ? [branch.id] : [];
  return [...here, ...branch.children.flatMap((child) => onRing(child, ring))];
}

/** The part of the circle that these take, in radians. */
function span(ids: readonly string[], angles: ReadonlyMap<string, number>): number {
  const all = ids.map((id) => angles.get(id)!);
  return Math.max(0.5, Math.max(...all) - Math.min(...all));
}

function lanesOf(count: number, part: number, outer: { x: number; y: number }, radians: number): number {
  const length = ((outer.x + outer.y) / 2) * part * radians;
  return Math.min(4, Math.max(1, Math.ceil((count * nodeSpacingPx) / length)));
}

/** As far out as nodes and their names have room; not much wider than high, or the rings are none. */
function outerRing({ width, height }: Space): { x: number; y: number } {
  const x = Math.max(40, width / 2 - edgePaddingPx.x);
  const y = Math.max(40, height / 2 - edgePaddingPx.y);
  return { x: Math.min(x, y * 1.5), y: Math.min(y, x * 1.5) };
}
