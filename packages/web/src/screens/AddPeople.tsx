/** Takes further contacts into a room. Who cannot be taken in stays chosen, with why. */
import type { Cause, Room } from "@fedchat/engine/interface";
import Users from "lucide-solid/icons/users";
import { createSignal, Show, type JSX } from "solid-js";
import { roomPeopleChosenMax } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { Modal } from "../parts/Modal.tsx";
import { CauseText, Empty } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { createRoomPeople } from "../state/room-people.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ContactPicker } from "./ContactPicker.tsx";
import { takeInto } from "./takeIn.ts";

export function AddPeople(props: { chat: Room; onClose: () => void }): JSX.Element {
  const app = useApp();
  const people = createRoomPeople(app, () => props.chat.roomId);
  const [chosen, setChosen] = createSignal<string[]>([]);
  const [busy, setBusy] = createSignal(false);
  const [refusals, setRefusals] = createSignal<Record<string, Cause>>({});
  const contacts = () => app.contacts.all().filter((contact) => !contact.blocked);
  const outside = () => contacts().filter(({ account }) => !people.get(account));

  async function add(event: SubmitEvent) {
    event.preventDefault();
    if (busy() || chosen().length === 0) return;
    setBusy(true);
    const wanted = chosen();
    const taken = await takeInto(app, props.chat, wanted);
    const refused = Object.keys(taken.refusals);
    app.rooms.put(taken.room);
    if (refused.length < wanted.length)
      say({ level: "done", text: t.rooms.add.done(wanted.length - refused.length) });
    setBusy(false);
    setRefusals(taken.refusals);
    setChosen(refused);
    if (refused.length === 0) props.onClose();
  }

  return (
    <Modal title={t.rooms.add.title} onClose={props.onClose} testid="add-people-dialog">
      <Show when={people.cause()}>{(cause) => <CauseText cause={cause()} level="danger" />}</Show>
      <Show when={people.all()}>
        <Show
          when={outside().length > 0}
          fallback={
            <Empty
              icon={Users}
              text={contacts().length === 0 ? t.rooms.noContacts : t.rooms.allInside}
              action={t.rooms.noContactsDo}
              onAction={() => setOverlay({ show: "invite" })}
            />
          }
        >
          <form class="stack" onSubmit={(event) => void add(event)}>
            <p class="prose muted">{t.rooms.add.lead(props.chat.title)}</p>
            <ContactPicker
              from={outside()}
              chosen={chosen()}
              onChoose={setChosen}
              max={roomPeopleChosenMax}
              refusals={refusals()}
            />
            <Button
              type="submit"
              look="primary"
              class="wide"
              busy={busy()}
              disabled={chosen().length === 0}
              testid="add-people-do"
            >
              {busy() ? t.rooms.add.doing : t.rooms.add.do(chosen().length)}
            </Button>
          </form>
        </Show>
      </Show>
    </Modal>
  );
}
