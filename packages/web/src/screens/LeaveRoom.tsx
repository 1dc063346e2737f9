/** Leaving a room: what it means, and where one cannot yet, what to do first. */
import type { Cause, Room } from "@fedchat/engine/interface";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Modal } from "../parts/Modal.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { setDetail } from "../state/panel.ts";
import { t } from "../strings.ts";

export function LeaveRoom(props: { chat: Room; onClose: () => void }): JSX.Element {
  const app = useApp();
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);

  async function leave() {
    setBusy(true);
    setCause(null);
    try {
      app.rooms.put(await app.call("rooms.leave", { roomId: props.chat.roomId }));
      setDetail(null);
      props.onClose();
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }

  return (
    <Modal
      title={t.rooms.leave.title(props.chat.title)}
      onClose={props.onClose}
      class="narrow"
      testid="leave-dialog"
    >
      <Show when={cause()} fallback={<p class="prose">{t.rooms.leave.body}</p>}>
        {(why) => (
          <div role="alert">
            <CauseText cause={why()} level="danger" />
          </div>
        )}
      </Show>
      <div class="actions end">
        <Button onClick={props.onClose}>{t.common.cancel}</Button>
        <Show
          when={cause()}
          fallback={
            <Button look="danger" busy={busy()} testid="leave-do" onClick={() => void leave()}>
              {t.rooms.leave.do}
            </Button>
          }
        >
          <Button
            look="primary"
            testid="leave-people"
            onClick={() => {
              props.onClose();
              setDetail({ show: "about" });
            }}
          >
            {t.rooms.leave.whoIsNext}
          </Button>
        </Show>
      </div>
    </Modal>
  );
}
