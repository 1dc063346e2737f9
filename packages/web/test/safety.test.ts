import { expect, test } from "vitest";
import { emojiTable } from "../../engine/src/core/emoji-table.ts";
import { t } from "../src/strings.ts";

test("[N8] every sign of the table is called something in the catalogue, and nothing else is", () => {
  expect(Object.keys(t.safety.emoji).toSorted()).toEqual(emojiTable.map(({ name }) => name).toSorted());
});
