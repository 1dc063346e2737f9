/**
 * The keys that work everywhere. Never one that the browser keeps for itself. A dialog that is open takes its own keys
 * first; Escape there closes it and does nothing here.
 */
import { onCleanup } from "solid-js";
import { openRoom, room } from "../router.ts";
import type { App } from "../state/app.ts";
import { askSearch, detail, overlay, setDetail, setOverlay } from "../state/panel.ts";
import { roomsInOrder } from "./waiting.ts";

export function listenToKeys(app: App) {
  function onKey(event: KeyboardEvent) {
    const ctrl = event.ctrlKey || event.metaKey;
    if (ctrl && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      setOverlay(overlay()?.show === "commands" ? null : { show: "commands" });
    } else if (ctrl && event.key === "/") {
      event.preventDefault();
      setOverlay(overlay()?.show === "keys" ? null : { show: "keys" });
    } else if (overlay() || document.querySelector('[role="dialog"][data-expanded]')) {
      return;
    } else if (ctrl && event.shiftKey && event.key.toLowerCase() === "f") {
      if (!openRoom(app.place.route())) return;
      event.preventDefault();
      setDetail({ show: "search" });
    } else if (ctrl && !event.shiftKey && event.key.toLowerCase() === "f") {
      event.preventDefault();
      searchAll(app);
    } else if (
      event.altKey &&
      !ctrl &&
      app.place.route().at !== "window" &&
      (event.key === "ArrowUp" || event.key === "ArrowDown")
    ) {
      event.preventDefault();
      step(app, event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    } else if (event.key === "Escape" && !event.defaultPrevented && detail()) {
      event.preventDefault();
      setDetail(null);
    }
  }
  addEventListener("keydown", onKey);
  onCleanup(() => removeEventListener("keydown", onKey));
}

/** Search everywhere; in a window of one conversation that is this conversation. */
export function searchAll(app: App) {
  const at = app.place.route().at;
  if (at === "window") return void setDetail({ show: "search" });
  if (at !== "room" && at !== "chats") app.place.go({ at: "chats" });
  askSearch(1);
}

/** To the chat before or after this one, or to the next one with unread messages. */
export function step(app: App, by: 1 | -1, unreadOnly: boolean) {
  const now = app.place.route();
  const here = now.at === "room" ? now.roomId : null;
  const chats = roomsInOrder(app);
  const from = chats.findIndex((chat) => chat.roomId === here);
  for (let i = 1; i <= chats.length; i++) {
    const at = from < 0 ? (by > 0 ? i - 1 : chats.length - i) : from + by * i;
    const chat = chats[(at + chats.length * 2) % chats.length];
    if (!chat || (unreadOnly && (chat.unread === 0 || chat.roomId === here))) continue;
    app.place.go(room(chat.roomId));
    return;
  }
}
