import { expect, test } from "vitest";
import {
  commonAncestor,
  directPath,
  isInSubtree,
  left,
  level,
  nodeIndex,
  nodeWidth,
} from "../src/tree/math.ts";
import { parent, right, root, sibling } from "../src/tree/math.ts";
import { withVectors } from "./vectors.ts";

interface Case {
  n_leaves: number;
  n_nodes: number;
  root: number;
  left: (number | null)[];
  right: (number | null)[];
  parent: (number | null)[];
  sibling: (number | null)[];
}

withVectors<Case>("tree-math", (cases) => {
  test("[RFC 9420 App. C] relations of nodes are as published", () => {
    for (const c of cases) {
      expect(nodeWidth(c.n_leaves)).toBe(c.n_nodes);
      expect(root(c.n_leaves)).toBe(c.root);
      for (let i = 0; i < c.n_nodes; i += 1) {
        const node = nodeIndex(i);
        const inner = level(node) > 0;
        expect(inner ? left(node) : null).toBe(c.left[i]);
        expect(inner ? right(node) : null).toBe(c.right[i]);
        expect(i === c.root ? null : parent(node)).toBe(c.parent[i]);
        expect(i === c.root ? null : sibling(node)).toBe(c.sibling[i]);
      }
    }
  });
});

test("the common ancestor of two nodes is the lowest that spans both", () => {
  expect(commonAncestor(nodeIndex(0), nodeIndex(2))).toBe(1);
  expect(commonAncestor(nodeIndex(0), nodeIndex(14))).toBe(7);
  expect(commonAncestor(nodeIndex(5), nodeIndex(4))).toBe(5);
  expect(isInSubtree(nodeIndex(6), nodeIndex(5))).toBe(true);
  expect(isInSubtree(nodeIndex(8), nodeIndex(5))).toBe(false);
  expect(directPath(nodeIndex(4), 4)).toEqual([5, 3]);
});
