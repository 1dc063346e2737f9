/** What every conversation's details offer: marking it unread, and removing its messages from this machine. */
import type { Room } from "@fedchat/engine/interface";
import Eraser from "lucide-solid/icons/eraser";
import MailQuestionMark from "lucide-solid/icons/mail-question-mark";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

export function ChatChores(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const [asking, setAsking] = createSignal(false);
  async function clear() {
    if (!(await app.ask("rooms.clear", { roomId: props.chat.roomId }))) return;
    app.timeline(props.chat.roomId).clear();
    say({ level: "done", text: t.about.cleared });
  }
  async function markUnread() {
    const last = app
      .timeline(props.chat.roomId)
      .messages()
      .findLast((message) => !message.mine && message.kind === "text");
    if (last) await app.ask("messages.markUnread", { roomId: props.chat.roomId, messageId: last.messageId });
  }
  return (
    <>
      <Show when={props.chat.kind !== "notes"}>
        <Button look="quiet" icon={MailQuestionMark} onClick={() => void markUnread()}>
          {t.about.markUnread}
        </Button>
      </Show>
      <Button look="quiet" icon={Eraser} onClick={() => setAsking(true)}>
        {t.about.clear}
      </Button>
      <Show when={asking()}>
        <Confirm
          title={t.about.clearConfirm}
          body={props.chat.kind === "group" ? t.rooms.clearBody : t.about.clearBody}
          action={t.about.clearDo}
          onConfirm={() => void clear()}
          onClose={() => setAsking(false)}
        />
      </Show>
    </>
  );
}
