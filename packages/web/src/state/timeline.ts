/**
 * One conversation's window onto its history. Invariant: the messages held are contiguous in the engine's order, so a
 * message that arrives is appended only when the window reaches the newest.
 */
import type { Cause, Message } from "@fedchat/engine/interface";
import { batch } from "solid-js";
import { createStore, produce, reconcile } from "solid-js/store";
import { pageMessages, windowMessagesMax } from "../limits.ts";
import { CallFailed, type Rpc } from "../rpc.ts";

interface TimelineState {
  order: string[];
  byId: Record<string, Message>;
  more: { before: boolean; after: boolean };
  loading: "whole" | "before" | "after" | null;
  loaded: boolean;
  cause: Cause | null;
  /** True while older messages are being put above what is shown: the view then keeps its place from below. */
  growingUp: boolean;
}

export interface Timeline {
  readonly state: TimelineState;
  readonly roomId: string;
  messages(): Message[];
  loadLatest(): Promise<void>;
  loadAround(messageId: string): Promise<void>;
  loadBefore(): Promise<void>;
  loadAfter(): Promise<void>;
  /** Messages of before came, or moved: what is held is asked for again, around where it is. */
  loadAnew(): Promise<void>;
  /** After a reconnection: what happened meanwhile. */
  refresh(): Promise<void>;
  arrive(message: Message): void;
  change(message: Message): void;
  /** It expired. */
  remove(messageId: string): void;
  clear(): void;
}

/** `frame` resolves once what was put above has been drawn. */
export function createTimeline(rpc: Pick<Rpc, "call">, roomId: string, frame: () => Promise<void>): Timeline {
  const [state, set] = createStore<TimelineState>({
    order: [],
    byId: {},
    more: { before: false, after: false },
    loading: null,
    loaded: false,
    cause: null,
    growingUp: false,
  });
  const held = () => state.order.flatMap((id) => state.byId[id] ?? []);

  async function guarded(what: "whole" | "before" | "after", work: () => Promise<void>) {
    if (state.loading !== null) return;
    set({ loading: what, cause: null });
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      set("cause", error.cause);
    } finally {
      set("loading", null);
    }
  }

  function replace(messages: Message[], more: TimelineState["more"]) {
    batch(() => {
      set("byId", reconcile(Object.fromEntries(messages.map((message) => [message.messageId, message]))));
      set({ order: messages.map((message) => message.messageId), more, loaded: true });
    });
  }

  function hold(messages: Message[]) {
    for (const message of messages) set("byId", message.messageId, reconcile(message));
  }

  return {
    state,
    roomId,
    messages: held,
    loadLatest: () =>
      guarded("whole", async () => {
        const page = await rpc.call("messages.list", { roomId, limit: pageMessages });
        replace(page.messages, page.more);
      }),
    loadAround: (messageId) =>
      guarded("whole", async () => {
        const page = await rpc.call("messages.list", { roomId, around: messageId, limit: pageMessages });
        replace(page.messages, page.more);
      }),
    loadAnew: () =>
      guarded("whole", async () => {
        if (!state.loaded) return;
        const middle = state.more.after ? state.order[Math.floor(state.order.length / 2)] : undefined;
        const at = middle === undefined ? {} : { around: middle };
        const page = await rpc.call("messages.list", { roomId, limit: pageMessages, ...at });
        replace(page.messages, page.more);
      }),
    loadBefore: () =>
      guarded("before", async () => {
        const first = held()[0];
        if (!first || !state.more.before) return;
        const page = await rpc.call("messages.list", { roomId, before: first.position, limit: pageMessages });
        const fresh = page.messages.filter((message) => !state.byId[message.messageId]);
        batch(() => {
          hold(fresh);
          set("growingUp", true);
          set("order", (order) => [...fresh.map((message) => message.messageId), ...order]);
          set("more", "before", page.more.before);
        });
        await frame();
        set("growingUp", false);
        if (state.order.length > windowMessagesMax) {
          batch(() => {
            set("order", (order) => order.slice(0, windowMessagesMax));
            set("more", "after", true);
          });
        }
      }),
    loadAfter: () =>
      guarded("after", async () => {
        const last = held().at(-1);
        if (!last || !state.more.after) return;
        const page = await rpc.call("messages.list", { roomId, after: last.position, limit: pageMessages });
        const fresh = page.messages.filter((message) => !state.order.includes(message.messageId));
        batch(() => {
          hold(fresh);
          set("order", (order) => [...order, ...fresh.map((message) => message.messageId)]);
          set("more", "after", page.more.after);
        });
      }),
    refresh: () =>
      guarded("whole", async () => {
        const last = held().at(-1);
        const atEnd = !state.more.after;
        if (!last || atEnd) {
          const page = await rpc.call("messages.list", { roomId, limit: pageMessages });
          const joins = page.messages.some((message) => state.order.includes(message.messageId));
          if (!joins) {
            replace(page.messages, page.more);
            return;
          }
          const fresh = page.messages.filter((message) => !state.order.includes(message.messageId));
          batch(() => {
            hold(page.messages);
            set("order", (order) => [...order, ...fresh.map((message) => message.messageId)]);
          });
          return;
        }
        const middle = state.order[Math.floor(state.order.length / 2)]!;
        const page = await rpc.call("messages.list", { roomId, around: middle, limit: pageMessages });
        hold(page.messages.filter((message) => state.byId[message.messageId]));
      }),
    arrive(message) {
      if (!state.loaded || state.more.after) return;
      if (state.order.includes(message.messageId)) {
        set("byId", message.messageId, reconcile(message));
        return;
      }
      batch(() => {
        set("byId", message.messageId, reconcile(message));
        set("order", (order) => {
          let place = order.length;
          while (place > 0 && (state.byId[order[place - 1]!]?.position ?? 0) > message.position) place--;
          return order.toSpliced(place, 0, message.messageId);
        });
      });
    },
    change(message) {
      if (state.byId[message.messageId]) set("byId", message.messageId, reconcile(message));
    },
    remove(messageId) {
      if (!state.byId[messageId]) return;
      batch(() => {
        set("order", (order) => order.filter((id) => id !== messageId));
        set(
          "byId",
          produce((byId) => {
            delete byId[messageId];
          }),
        );
      });
    },
    clear() {
      replace([], { before: false, after: false });
    },
  };
}
