import type { Message } from "@fedchat/engine/interface";
import { describe, expect, test } from "vitest";
import { rowsOf, shownAt, type Lines, type Row } from "../src/text/rows.ts";

const noon = new Date(2026, 2, 3, 12, 0).getTime();
const minute = 60_000;
const plain: Lines = { start: false, newFrom: null, missing: 0 };

function message(id: string, sender: "alice" | "bob", at: number, more: Partial<Message> = {}): Message {
  return {
    messageId: id,
    roomId: "r",
    position: 1,
    kind: "text",
    sender,
    senderName: sender,
    mine: sender === "alice",
    sentAt: at,
    receivedAt: at,
    text: id,
    inReplyTo: null,
    state: null,
    stateAt: {},
    cause: null,
    expires: null,
    ...more,
  };
}

const shapes = (rows: Row[]) =>
  rows.map((row) =>
    row.type === "message"
      ? `${row.id}${row.head ? " head" : ""}${row.tail ? " tail" : ""}${row.late ? " late" : ""}`
      : row.type,
  );

describe("groups", () => {
  test("one sender within five minutes is one group", () => {
    const rows = rowsOf([message("1", "bob", noon), message("2", "bob", noon + 4 * minute)], plain);
    expect(shapes(rows)).toEqual(["day", "1 head", "2 tail"]);
  });

  test("five minutes later a new group begins", () => {
    const rows = rowsOf([message("1", "bob", noon), message("2", "bob", noon + 5 * minute)], plain);
    expect(shapes(rows)).toEqual(["day", "1 head tail", "2 head tail"]);
  });

  test("another sender begins a new group", () => {
    const rows = rowsOf([message("1", "bob", noon), message("2", "alice", noon + 1)], plain);
    expect(shapes(rows)).toEqual(["day", "1 head tail", "2 head tail"]);
  });

  test("a notice and the line of new messages part a group", () => {
    const rows = rowsOf(
      [
        message("1", "bob", noon),
        message("2", "bob", noon + 1, { kind: "notice" }),
        message("3", "bob", noon + 2),
        message("4", "bob", noon + 3),
      ],
      { ...plain, newFrom: "4" },
    );
    expect(shapes(rows)).toEqual(["day", "1 head tail", "notice", "3 head tail", "new", "4 head tail"]);
  });
});

describe("day lines", () => {
  test("stand before the first message of each day", () => {
    const rows = rowsOf([message("1", "bob", noon), message("2", "bob", noon + 24 * 60 * minute)], plain);
    expect(shapes(rows)).toEqual(["day", "1 head tail", "day", "2 head tail"]);
  });

  test("midnight parts a group", () => {
    const midnight = new Date(2026, 2, 4).getTime();
    const rows = rowsOf([message("1", "bob", midnight - 1), message("2", "bob", midnight)], plain);
    expect(shapes(rows)).toEqual(["day", "1 head tail", "day", "2 head tail"]);
  });

  test("a message that was long on its way opens no second line for an old day and is marked late", () => {
    const rows = rowsOf(
      [
        message("1", "alice", noon),
        message("2", "bob", noon - 48 * 60 * minute, { receivedAt: noon + minute }),
      ],
      plain,
    );
    expect(shapes(rows)).toEqual(["day", "1 head tail", "2 head tail late"]);
  });
});

test("a sender's clock that runs ahead is not believed", () => {
  expect(shownAt({ sentAt: noon + 60 * minute, receivedAt: noon })).toBe(noon);
  expect(shownAt({ sentAt: noon - 60 * minute, receivedAt: noon })).toBe(noon - 60 * minute);
});

test("the start and the gap stand at their ends", () => {
  const rows = rowsOf([message("1", "bob", noon)], { start: true, newFrom: null, missing: 2 });
  expect(shapes(rows)).toEqual(["start", "day", "1 head tail", "missing"]);
});

test("every row has a key of its own, and keeps it when a message is added", () => {
  const before = rowsOf([message("1", "bob", noon)], plain);
  const after = rowsOf([message("1", "bob", noon), message("2", "bob", noon + 1)], plain);
  expect(new Set(after.map((row) => row.key)).size).toBe(after.length);
  expect(after.map((row) => row.key).slice(0, before.length)).toEqual(before.map((row) => row.key));
});
