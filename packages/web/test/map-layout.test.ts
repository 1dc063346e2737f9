import type { MapEdge } from "@fedchat/engine/interface";
import { describe, expect, test } from "vitest";
import { labelsThatFit } from "../src/map/labels.ts";
import { layOut, type Placed } from "../src/map/layout.ts";
import { moved, seenAt, wholeView, zoomed } from "../src/map/view.ts";

const space = { width: 800, height: 600 };
const server = (serverId: string, hops: number): Placed => ({ serverId, shownName: serverId, hops });
const edge = (a: string, b: string): MapEdge => ({ a, b, kind: "heard" });

/** Our own, `linked` around it, and as many again behind each of these. */
function network(linked: number, behindEach: number) {
  const servers = [server("own", 0)];
  const edges: MapEdge[] = [];
  for (let i = 0; i < linked; i++) {
    servers.push(server(`near${i}`, 1));
    edges.push(edge("own", `near${i}`));
    for (let j = 0; j < behindEach; j++) {
      servers.push(server(`far${i}-${j}`, 2));
      edges.push(edge(`near${i}`, `far${i}-${j}`));
    }
  }
  return { servers, edges };
}

const distance = (a: { x: number; y: number }, b: { x: number; y: number }) =>
  Math.hypot(a.x - b.x, a.y - b.y);

describe("layout", () => {
  test("our own server stands in the middle, the others on rings by how far they are", () => {
    const { servers, edges } = network(4, 2);
    const { points, centre, rings } = layOut(servers, edges, space);
    expect(points.get("own")).toEqual({ ...centre, ring: 0 });
    expect(rings).toHaveLength(2);
    const far = (id: string) => distance(points.get(id)!, centre);
    expect(points.size).toBe(servers.length);
    for (let i = 0; i < 4; i++) expect(far(`near${i}`)).toBeLessThan(far(`far${i}-0`));
  });

  test("a server stands nearer to the one that it is reached through than to others of that ring", () => {
    const { servers, edges } = network(5, 3);
    const { points } = layOut(servers, edges, space);
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 3; j++) {
        const at = points.get(`far${i}-${j}`)!;
        const own = distance(at, points.get(`near${i}`)!);
        for (let k = 0; k < 5; k++)
          if (k !== i) expect(own).toBeLessThan(distance(at, points.get(`near${k}`)!));
      }
    }
  });

  test("the same network gives the same drawing, in whatever order it is told", () => {
    const { servers, edges } = network(6, 4);
    const [own, ...others] = servers;
    const again = layOut([own!, ...others.toReversed()], edges.toReversed(), space);
    expect(new Map([...again.points].sort())).toEqual(
      new Map([...layOut(servers, edges, space).points].sort()),
    );
  });

  test.each([
    [1, 0],
    [2, 0],
    [6, 1],
    [20, 3],
    [1, 60],
    [199, 0],
    [40, 4],
  ])(
    "%i linked servers with %i behind each: all inside the frame, and none upon another",
    (linked, behind) => {
      const { servers, edges } = network(linked, behind);
      const { points } = layOut(servers, edges, space);
      const all = [...points.values()];
      expect(all).toHaveLength(servers.length);
      for (const { x, y } of all) {
        expect(x).toBeGreaterThan(20);
        expect(x).toBeLessThan(space.width - 20);
        expect(y).toBeGreaterThan(20);
        expect(y).toBeLessThan(space.height - 20);
      }
      const nearest = Math.min(...all.flatMap((a, index) => all.slice(index + 1).map((b) => distance(a, b))));
      expect(nearest).toBeGreaterThan(servers.length > 100 ? 5 : 12);
    },
  );

  test("what no way is known to, and what is farther than rings go, is drawn all the same", () => {
    const { points } = layOut([server("own", 0), server("lost", 3), server("remote", 16)], [], space);
    expect(points.get("lost")!.ring).toBe(3);
    expect(points.get("remote")!.ring).toBe(5);
  });

  test("before the frame has a size, and without any server, there is nothing to see and nothing fails", () => {
    expect(layOut([], [], { width: 0, height: 0 }).points.size).toBe(0);
    for (const { x, y } of layOut([server("own", 0), server("a", 1)], [], {
      width: 0,
      height: 0,
    }).points.values())
      expect([x, y].every(Number.isFinite)).toBe(true);
  });
});

describe("names", () => {
  const none = { width: 0, height: 0 };
  const sign = (id: string, x: number, y: number, text = "somebody") => ({ id, text, x, y, radius: 12 });

  test("a name stands below its sign, or elsewhere beside it where that is taken", () => {
    const labels = labelsThatFit([sign("a", 300, 300), sign("b", 300, 330)], space, none);
    expect(labels.map(({ id, anchor }) => [id, anchor])).toEqual([
      ["a", "start"],
      ["b", "middle"],
    ]);
  });

  test("where nothing is free the less important one goes without", () => {
    const crowd = Array.from({ length: 30 }, (_, index) =>
      sign(`s${index}`, 300 + (index % 6) * 8, 300 + index),
    );
    const labels = labelsThatFit(crowd, space, none);
    expect(labels.length).toBeLessThan(crowd.length);
    expect(labels.map(({ id }) => id)).not.toContain("s29");
  });

  test("no name leaves the frame or runs under the buttons, and a long one is cut", () => {
    const [left, corner, long] = labelsThatFit(
      [sign("l", 10, 300), sign("c", 690, 40), sign("x", 400, 300, "a very long name of a server")],
      space,
      { width: 100, height: 100 },
    );
    expect(left!.anchor).toBe("start");
    expect(corner!.anchor).toBe("end");
    expect(long!.text).toBe("a very long name …");
    expect(labelsThatFit([sign("gone", 900, 300)], space, none)).toEqual([]);
  });
});

describe("magnifying", () => {
  test("what is under the finger stays there", () => {
    const finger = { x: 500, y: 200 };
    const view = zoomed(wholeView, 3, finger, space);
    expect(view.zoom).toBe(3);
    expect(seenAt(finger, view)).toEqual(finger);
  });

  test("the drawing cannot be lost outside its frame, and never gets smaller than it", () => {
    const view = moved(zoomed(wholeView, 2, { x: 0, y: 0 }, space), { x: -5_000, y: 5_000 }, space);
    expect(view).toEqual({ zoom: 2, x: -800, y: 0 });
    expect(zoomed(view, 0.01, { x: 10, y: 10 }, space)).toMatchObject({ zoom: 1 });
    expect(moved(wholeView, { x: 40, y: 40 }, space)).toMatchObject({ zoom: 1 });
  });
});
