/** The dialogs that any screen may ask for, one at a time. */
import { Show, type JSX } from "solid-js";
import { overlay, setOverlay } from "../state/panel.ts";
import { Commands } from "./Commands.tsx";
import { InviteDialog } from "./InviteDialog.tsx";
import { Keys } from "./Keys.tsx";
import { PasteDialog } from "./PasteDialog.tsx";
import { SafetyDialog } from "./SafetyDialog.tsx";

export function Overlays(): JSX.Element {
  const close = () => setOverlay(null);
  const pasted = () => {
    const now = overlay();
    return now?.show === "paste" ? now : null;
  };
  const safety = () => {
    const now = overlay();
    return now?.show === "safety" ? now.account : null;
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
      <Show when={pasted()}>{(now) => <PasteDialog link={now().link} onClose={close} />}</Show>
      <Show when={safety()}>{(account) => <SafetyDialog account={account()} onClose={close} />}</Show>
    </>
  );
}
