/** What lies over or beside the main pane: the dialogs, and the detail panel of a conversation. */
import { createSignal } from "solid-js";

export type Overlay =
  | { show: "commands" }
  | { show: "keys" }
  | { show: "invite" }
  | { show: "paste"; link: string }
  | { show: "safety"; account: string }
  | { show: "new-room" }
  | { show: "add-people" | "rename-room" | "leave-room" | "room-links"; roomId: string }
  | null;

export type Detail =
  | { show: "about" }
  | { show: "search" }
  | { show: "xray"; messageId: string }
  /** Somebody in a room, by the name that stood where it was asked who this is. */
  | { show: "person"; account: string; name: string }
  | null;

export const [overlay, setOverlay] = createSignal<Overlay>(null);
export const [detail, setDetail] = createSignal<Detail>(null);
/** Counts up whenever the search field of the chat list should take the focus. */
export const [searchAsked, askSearch] = createSignal(0, { equals: false });
