import { expect, test } from "vitest";
import { decodeBundleBody, limits } from "@fedchat/protocol";
import { packEntries } from "../src/core/federation/packing.ts";

test.each([
  ["small ones", Array.from({ length: 2_500 }, (_, n) => 200 + (n % 7)), 3],
  ["the largest", [limits.roomEntryBytesMax, limits.roomEntryBytesMax, limits.roomEntryBytesMax], 3],
  ["some that just fit", [262_133, 262_139, 262_133, 262_140], 3],
  ["none", [], 0],
])("[B9] [O4] entries are cut into bodies in order, each within its bounds: %s", (_, sizes, count) => {
  const entries = sizes.map((size, n) => new Uint8Array(size).fill(n % 256));
  const bodies = packEntries(entries);
  expect(bodies).toHaveLength(count);
  for (const { length } of bodies) expect(length).toBeLessThanOrEqual(limits.bundleBodyBytesMax);
  const unpacked = bodies.flatMap((bytes) => {
    const body = decodeBundleBody(bytes);
    return body.kind === "entries" ? body.entries : [];
  });
  expect(unpacked.map(({ length }) => length)).toEqual(sizes);
  expect(unpacked.every((entry, n) => entry[0] === n % 256)).toBe(true);
});
