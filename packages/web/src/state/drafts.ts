/**
 * Text that was typed and not sent, per conversation. The engine keeps drafts; what it has not confirmed yet waits in
 * this tab's storage, so that a reload during an outage loses nothing. Events from other screens are heard only while
 * nothing unconfirmed was typed here. Of a text that is too long the engine has the beginning; it stays unconfirmed, so
 * that its writer can shorten it and loses nothing.
 */
import type { Room } from "@fedchat/engine/interface";
import { createStore } from "solid-js/store";
import { draftDelayMs, textMax, unsentKeptMax } from "../limits.ts";
import { CallFailed, type Rpc } from "../rpc.ts";
import type { Collection } from "./collection.ts";

export interface Drafts {
  text(roomId: string): string;
  type(roomId: string, text: string): void;
  /** Sent: the draft is gone at once. */
  done(roomId: string): void;
  /** What another screen typed, or what this one did, come back. */
  heard(roomId: string, text: string): void;
  /** Gives the engine all that it has not confirmed. */
  flush(): void;
}

const storageKey = (roomId: string) => `fedchat.draft.${roomId}`;

export function createDrafts(rpc: Rpc, rooms: Collection<Room>): Drafts {
  const [typed, setTyped] = createStore<Record<string, string>>({});
  const unconfirmed = new Set<string>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  for (let i = 0; i < sessionStorage.length; i++) {
    const key = sessionStorage.key(i);
    if (!key?.startsWith("fedchat.draft.")) continue;
    const roomId = key.slice("fedchat.draft.".length);
    unconfirmed.add(roomId);
    setTyped(roomId, sessionStorage.getItem(key) ?? "");
  }

  async function keep(roomId: string) {
    clearTimeout(timers.get(roomId));
    timers.delete(roomId);
    const text = typed[roomId] ?? "";
    try {
      await rpc.call("drafts.set", { roomId, text: text.slice(0, textMax) });
    } catch (error) {
      if (error instanceof CallFailed) return;
      throw error;
    }
    if ((typed[roomId] ?? "") !== text || text.length > textMax) return;
    unconfirmed.delete(roomId);
    sessionStorage.removeItem(storageKey(roomId));
  }

  function write(roomId: string, text: string) {
    setTyped(roomId, text);
    unconfirmed.add(roomId);
    sessionStorage.setItem(storageKey(roomId), text.slice(0, unsentKeptMax));
    clearTimeout(timers.get(roomId));
  }

  function flush() {
    for (const roomId of unconfirmed) void keep(roomId);
  }

  addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") flush();
  });

  return {
    text: (roomId) => typed[roomId] ?? rooms.get(roomId)?.draft ?? "",
    type(roomId, text) {
      write(roomId, text);
      timers.set(
        roomId,
        setTimeout(() => void keep(roomId), draftDelayMs),
      );
    },
    done(roomId) {
      write(roomId, "");
      void keep(roomId);
    },
    heard(roomId, text) {
      if (!unconfirmed.has(roomId)) setTyped(roomId, text);
    },
    flush,
  };
}
