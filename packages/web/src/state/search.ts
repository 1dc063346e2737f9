/** A search as one types: asked when the typing rests, and an answer that was overtaken is dropped. */
import type { SearchHit } from "@fedchat/engine/interface";
import { createEffect, createSignal, onCleanup } from "solid-js";
import { searchDelayMs, searchHits } from "../limits.ts";
import { CallFailed } from "../rpc.ts";
import type { App } from "./app.ts";

export interface Search {
  /** There are enough letters to search for. */
  active(): boolean;
  busy(): boolean;
  hits(): SearchHit[];
}

export function createSearch(app: App, words: () => string, roomId: () => string | null): Search {
  const [hits, setHits] = createSignal<SearchHit[]>([]);
  const [busy, setBusy] = createSignal(false);
  const active = () => words().trim().length >= 2;
  createEffect(() => {
    const text = words().trim().slice(0, 256);
    const inRoom = roomId();
    let overtaken = false;
    onCleanup(() => {
      overtaken = true;
    });
    if (text.length < 2) {
      setHits([]);
      setBusy(false);
      return;
    }
    setBusy(true);
    const timer = setTimeout(() => void ask(), searchDelayMs);
    onCleanup(() => clearTimeout(timer));
    async function ask() {
      const found = await app
        .call("messages.search", { text, limit: searchHits, ...(inRoom ? { roomId: inRoom } : {}) })
        .catch((error: unknown) => {
          if (error instanceof CallFailed) return [];
          throw error;
        });
      if (overtaken) return;
      setHits(found);
      setBusy(false);
    }
  });
  const kept = () => hits().filter(({ message }) => !app.isGone(message.messageId));
  return { active, busy, hits: kept };
}
