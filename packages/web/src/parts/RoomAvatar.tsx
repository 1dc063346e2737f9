/** A room's initials on a card with others behind it, so that a room is never taken for a person. Decoration. */
import type { Room } from "@fedchat/engine/interface";
import NotebookPen from "lucide-solid/icons/notebook-pen";
import { Show, type JSX } from "solid-js";
import { useApp } from "../state/context.ts";
import { hueOf, initials } from "../text/names.ts";
import { Avatar } from "./Avatar.tsx";

export function RoomAvatar(props: { name: string; of: string; size?: "large" | "huge" }): JSX.Element {
  return (
    <span class={`avatar room ${props.size ?? ""}`} data-hue={hueOf(props.of)} aria-hidden="true">
      {initials(props.name)}
    </span>
  );
}

/** Whatever kind of conversation it is. */
export function ChatAvatar(props: { chat: Room; size?: "large" | "huge"; plain?: boolean }): JSX.Element {
  const app = useApp();
  const peer = () => props.chat.peer;
  const presence = () =>
    peer() && !props.plain ? (app.people.get(peer()!.account)?.presence ?? peer()!.presence) : undefined;
  const size = () => (props.size ? { size: props.size } : {});
  return (
    <Show
      when={props.chat.kind === "group"}
      fallback={
        <Avatar
          name={props.chat.title}
          of={peer()?.account ?? props.chat.roomId}
          presence={presence()}
          icon={props.chat.kind === "notes" ? NotebookPen : undefined}
          {...size()}
        />
      }
    >
      <RoomAvatar name={props.chat.title} of={props.chat.roomId} {...size()} />
    </Show>
  );
}
