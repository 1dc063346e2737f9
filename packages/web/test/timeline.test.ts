import type { Message, MethodName, Params, Result } from "@fedchat/engine/interface";
import { expect, test } from "vitest";
import { pageMessages, windowMessagesMax } from "../src/limits.ts";
import type { Rpc } from "../src/rpc.ts";
import { createTimeline } from "../src/state/timeline.ts";

/** An engine's history of one room, in memory, that answers `messages.list` as the interface says. */
function history(count: number) {
  const all: Message[] = [];
  const add = () => {
    const position = all.length * 3 + 1;
    const message: Message = {
      messageId: `m${all.length}`,
      roomId: "room",
      position,
      kind: "text",
      sender: "bob",
      senderName: "Bob",
      mine: false,
      sentAt: position,
      receivedAt: position,
      text: `text ${all.length}`,
      inReplyTo: null,
      state: null,
      stateAt: {},
      cause: null,
      expires: null,
    };
    all.push(message);
    return message;
  };
  for (let i = 0; i < count; i++) add();
  const call = async (_method: string, params: Params<"messages.list">): Promise<Result<"messages.list">> => {
    const size = params.limit ?? 50;
    let from = Math.max(0, all.length - size);
    if (params.before !== undefined) from = all.filter((one) => one.position < params.before!).length - size;
    if (params.after !== undefined) from = all.filter((one) => one.position <= params.after!).length;
    if (params.around !== undefined)
      from = all.findIndex((one) => one.messageId === params.around) - size / 2;
    const to = params.before === undefined ? Math.max(0, from) + size : from + size;
    const messages = structuredClone(all.slice(Math.max(0, from), to));
    return { messages, more: { before: from > 0, after: to < all.length } };
  };
  const rpc = { call: call as <M extends MethodName>(method: M, params: Params<M>) => Promise<Result<M>> };
  const timeline = createTimeline(rpc satisfies Pick<Rpc, "call">, "room", () => Promise.resolve());
  return { all, add, timeline };
}

const ids = (timeline: { state: { order: string[] } }) => [...timeline.state.order];
const run = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`);

test("opens at the newest page and grows upward without a hole", async () => {
  const { timeline } = history(200);
  await timeline.loadLatest();
  expect(ids(timeline)).toEqual(run(200 - pageMessages, 200));
  await timeline.loadBefore();
  expect(ids(timeline)).toEqual(run(200 - 2 * pageMessages, 200));
  await timeline.loadBefore();
  expect(ids(timeline)).toEqual(run(0, 200));
  expect(timeline.state.more.before).toBe(false);
});

test("a message that arrives is put at the end, once", async () => {
  const { timeline, add } = history(3);
  await timeline.loadLatest();
  const fresh = add();
  timeline.arrive(fresh);
  timeline.arrive(fresh);
  expect(ids(timeline)).toEqual(run(0, 4));
});

test("messages that arrive out of order stand in the engine's order", async () => {
  const { timeline, add } = history(1);
  await timeline.loadLatest();
  const [first, second] = [add(), add()];
  timeline.arrive(second);
  timeline.arrive(first);
  expect(ids(timeline)).toEqual(run(0, 3));
});

test("a message that arrives while an older place is shown waits to be scrolled to", async () => {
  const { timeline, add } = history(300);
  await timeline.loadAround("m50");
  timeline.arrive(add());
  expect(ids(timeline)).toEqual(run(50 - pageMessages / 2, 50 + pageMessages / 2));
  for (let i = 0; i < 10 && timeline.state.more.after; i++) await timeline.loadAfter();
  expect(ids(timeline).at(-1)).toBe("m300");
  expect(ids(timeline)).toEqual(run(10, 301));
});

test("a changed message changes in place; one that is not held is left alone", async () => {
  const { timeline, all } = history(2);
  await timeline.loadLatest();
  timeline.change({ ...all[1]!, text: "changed" });
  timeline.change({ ...all[1]!, messageId: "elsewhere" });
  expect(timeline.messages().map((message) => message.text)).toEqual(["text 0", "changed"]);
});

test("after a short outage what came meanwhile is joined on", async () => {
  const { timeline, add } = history(5);
  await timeline.loadLatest();
  add();
  add();
  await timeline.refresh();
  expect(ids(timeline)).toEqual(run(0, 7));
});

test("after a long outage, with a hole between, the newest page stands alone", async () => {
  const { timeline, add } = history(5);
  await timeline.loadLatest();
  for (let i = 0; i < pageMessages + 20; i++) add();
  await timeline.refresh();
  expect(ids(timeline)).toEqual(run(25, 25 + pageMessages));
  expect(timeline.state.more.before).toBe(true);
});

test("the window is bounded: the far end is dropped and fetched again when it is scrolled to", async () => {
  const { timeline } = history(windowMessagesMax + 300);
  await timeline.loadLatest();
  for (let i = 0; i < 100 && timeline.state.more.before; i++) await timeline.loadBefore();
  expect(ids(timeline)).toEqual(run(0, windowMessagesMax));
  expect(timeline.state.more.after).toBe(true);
  await timeline.loadAfter();
  expect(ids(timeline)).toEqual(run(0, windowMessagesMax + pageMessages));
});
