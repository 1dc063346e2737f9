/** Gives a room another name, for everybody in it. */
import type { Cause, Room } from "@fedchat/engine/interface";
import { createSignal, onMount, Show, untrack, type JSX } from "solid-js";
import { roomNameMax } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Modal } from "../parts/Modal.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

export function RenameRoom(props: { chat: Room; onClose: () => void }): JSX.Element {
  const app = useApp();
  const former = untrack(() => props.chat.group?.name ?? "");
  const [name, setName] = createSignal(former);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const same = () => name().trim() === "" || name().trim() === former;
  let form!: HTMLFormElement;
  onMount(() =>
    queueMicrotask(() => {
      form.querySelector("input")?.focus();
      form.querySelector("input")?.select();
    }),
  );

  async function rename(event: SubmitEvent) {
    event.preventDefault();
    if (same() || busy()) return;
    setBusy(true);
    setCause(null);
    try {
      app.rooms.put(await app.call("rooms.rename", { roomId: props.chat.roomId, name: name().trim() }));
      props.onClose();
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }

  return (
    <Modal title={t.rooms.rename.title} onClose={props.onClose} class="narrow" testid="rename-dialog">
      <form class="stack" ref={form} onSubmit={(event) => void rename(event)}>
        <Field
          label={t.rooms.name}
          hint={t.rooms.rename.hint}
          value={name()}
          maxLength={roomNameMax}
          onType={setName}
          autocomplete="off"
          wide
          testid="rename-field"
        />
        <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
        <div class="actions end">
          <Button onClick={props.onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" busy={busy()} disabled={same()} testid="rename-do">
            {t.rooms.panel.rename}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
