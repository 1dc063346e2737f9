/** The dialogs that any screen may ask for, one at a time. */
import { Show, type JSX } from "solid-js";
import { useApp } from "../state/context.ts";
import { overlay, setOverlay } from "../state/panel.ts";
import { AddPeople } from "./AddPeople.tsx";
import { Commands } from "./Commands.tsx";
import { InviteDialog } from "./InviteDialog.tsx";
import { Keys } from "./Keys.tsx";
import { LeaveRoom } from "./LeaveRoom.tsx";
import { NewRoom } from "./NewRoom.tsx";
import { PasteDialog } from "./PasteDialog.tsx";
import { RenameRoom } from "./RenameRoom.tsx";
import { RoomLinkDialog } from "./RoomLinkDialog.tsx";
import { SafetyDialog } from "./SafetyDialog.tsx";

export function Overlays(): JSX.Element {
  const app = useApp();
  const close = () => setOverlay(null);
  const pasted = () => {
    const now = overlay();
    return now?.show === "paste" ? now : null;
  };
  const safety = () => {
    const now = overlay();
    return now?.show === "safety" ? now.account : null;
  };
  const ofRoom = (show: "add-people" | "rename-room" | "leave-room" | "room-links") => {
    const now = overlay();
    return now?.show === show ? app.rooms.get(now.roomId) : undefined;
  };
  return (
    <>
      <Show when={overlay()?.show === "commands"}>
        <Commands onClose={close} />
      </Show>
      <Show when={overlay()?.show === "keys"}>
        <Keys onClose={close} />
      </Show>
      <Show when={overlay()?.show === "invite"}>
        <InviteDialog onClose={close} />
      </Show>
      <Show when={overlay()?.show === "new-room"}>
        <NewRoom onClose={close} />
      </Show>
      <Show when={ofRoom("add-people")}>{(chat) => <AddPeople chat={chat()} onClose={close} />}</Show>
      <Show when={ofRoom("rename-room")}>{(chat) => <RenameRoom chat={chat()} onClose={close} />}</Show>
      <Show when={ofRoom("leave-room")}>{(chat) => <LeaveRoom chat={chat()} onClose={close} />}</Show>
      <Show when={ofRoom("room-links")}>{(chat) => <RoomLinkDialog chat={chat()} onClose={close} />}</Show>
      <Show when={pasted()}>{(now) => <PasteDialog link={now().link} onClose={close} />}</Show>
      <Show when={safety()}>{(account) => <SafetyDialog account={account()} onClose={close} />}</Show>
    </>
  );
}
