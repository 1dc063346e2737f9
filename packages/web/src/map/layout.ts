/**
 * Where each server of the network stands in a drawing: our own in the middle, the others on rings by how many links
 * away they are, next to those through which they are reached. The same network in the same space always gives the same
 * drawing, so that nothing moves by itself.
 */
import type { MapEdge, MapServer } from "@fedchat/engine/interface";
import { edgePaddingPx, lanesMax, nodeSpacingPx, ringsMax } from "./measures.ts";

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
  const outer = outerRing(space);
  // The innermost has our own sign within it.
  const ringAt = (ring: number) => (depth === 1 ? 0.74 : (ring + 0.4) / (depth + 0.4));
  // Names are wide: what hangs in a row is better told apart upwards, unless there is little height.
  const begin = space.width > space.height * 1.4 ? 0 : -Math.PI / 2;
  const places = spread(root, begin, 2 * Math.PI, (ring) => ringAt(ring) * ((outer.x + outer.y) / 2));

  const points = new Map<string, Point>([[root.id, { ...centre, ring: 0 }]]);
  for (const { branch, angle, lane } of places) {
    // On a crowded ring neighbours take turns in lanes, all of them inside it.
    const part = ringAt(branch.ring) - lane * 0.8 * (depth === 1 ? 0.5 : 1 / depth);
    points.set(branch.id, {
      x: centre.x + Math.cos(angle) * outer.x * part,
      y: centre.y + Math.sin(angle) * outer.y * part,
      ring: branch.ring,
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

interface Place {
  branch: Branch;
  angle: number;
  /** From 0, on the ring itself, to less than 1. */
  lane: number;
}

/** Gives each branch its part of the circle, around the direction of what it hangs on. */
function spread(
  branch: Branch,
  direction: number,
  within: number,
  radius: (ring: number) => number,
): Place[] {
  if (branch.children.length === 0) return [];
  const onRing = radius(branch.ring + 1);
  const needed = (branch.ends * nodeSpacingPx) / onRing;
  // What hangs on one server stays on its side of the drawing, unless there is no room.
  const room = branch.ring === 0 ? within : Math.min(within, Math.max(Math.PI * 0.8, needed));
  const all = branch.children.reduce((sum, child) => sum + weight(child), 0);
  const share = (child: Branch) => (room * weight(child)) / all;
  // Round a whole circle the first one stands where it begins.
  let at = direction - (branch.ring === 0 ? share(branch.children[0]!) : room) / 2;
  return branch.children.flatMap((child, index) => {
    const part = share(child);
    const angle = at + part / 2;
    at += part;
    const lanes = Math.min(lanesMax, Math.max(1, Math.ceil(nodeSpacingPx / (part * onRing))));
    return [{ branch: child, angle, lane: (index % lanes) / lanes }, ...spread(child, angle, part, radius)];
  });
}

/** A branch with many ends takes more of the circle, but does not press the others together. */
const weight = ({ ends }: Branch): number => ends ** 0.6;

/** As far out as signs and their names have room; nearly round, so that it looks like rings. */
function outerRing({ width, height }: Space): { x: number; y: number } {
  const x = Math.max(40, width / 2 - edgePaddingPx.x);
  const y = Math.max(40, height / 2 - edgePaddingPx.y);
  return { x: Math.min(x, y * 1.2), y: Math.min(y, x * 1.2) };
}
