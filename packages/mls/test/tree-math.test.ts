import { expect, test } from "vitest";
import { commonAncestor, directPath, isInSubtree, nodeIndex } from "../src/tree/math.ts";

test("the common ancestor of two nodes is the lowest that spans both", () => {
  expect(commonAncestor(nodeIndex(0), nodeIndex(2))).toBe(1);
  expect(commonAncestor(nodeIndex(0), nodeIndex(14))).toBe(7);
  expect(commonAncestor(nodeIndex(5), nodeIndex(4))).toBe(5);
  expect(isInSubtree(nodeIndex(6), nodeIndex(5))).toBe(true);
  expect(isInSubtree(nodeIndex(8), nodeIndex(5))).toBe(false);
  expect(directPath(nodeIndex(4), 4)).toEqual([5, 3]);
});
