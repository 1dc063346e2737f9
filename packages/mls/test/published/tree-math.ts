import { left, level, nodeIndex, nodeWidth, parent, right, root, sibling } from "../../src/tree/math.ts";
import { publishedFile, same } from "./published-file.ts";

interface Case {
  n_leaves: number;
  n_nodes: number;
  root: number;
  left: (number | null)[];
  right: (number | null)[];
  parent: (number | null)[];
  sibling: (number | null)[];
}

export const treeMath = publishedFile<Case>("tree-math", "[RFC 9420 App. C] relations of nodes", (c) => {
  same(nodeWidth(c.n_leaves), c.n_nodes, "width");
  same(root(c.n_leaves), c.root, "root");
  for (let i = 0; i < c.n_nodes; i += 1) {
    const node = nodeIndex(i);
    const inner = level(node) > 0;
    same(inner ? left(node) : null, c.left[i], `left of ${i}`);
    same(inner ? right(node) : null, c.right[i], `right of ${i}`);
    same(i === c.root ? null : parent(node), c.parent[i], `parent of ${i}`);
    same(i === c.root ? null : sibling(node), c.sibling[i], `sibling of ${i}`);
  }
});
