/** Opens a room: its name, and whom of one's contacts to take in. Who cannot be taken in yet is said, with why. */
import type { Cause, Room } from "@fedchat/engine/interface";
import Users from "lucide-solid/icons/users";
import { createSignal, onMount, Show, type JSX } from "solid-js";
import { roomNameMax, roomPeopleChosenMax } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Modal } from "../parts/Modal.tsx";
import { CauseText, Empty } from "../parts/Small.tsx";
import { room as toRoom } from "../router.ts";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";
import { ContactPicker } from "./ContactPicker.tsx";
import { RefusedPeople } from "./RefusedPeople.tsx";
import { aboutOnePerson, openRoomWith } from "./takeIn.ts";

export function NewRoom(props: { onClose: () => void }): JSX.Element {
  const app = useApp();
  const [name, setName] = createSignal("");
  const [chosen, setChosen] = createSignal<string[]>([]);
  const [large, setLarge] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const [refusals, setRefusals] = createSignal<Record<string, Cause>>({});
  /** The room, once it is open and somebody could not be taken in. */
  const [opened, setOpened] = createSignal<Room | null>(null);
  const contacts = () => app.contacts.all().filter((contact) => !contact.blocked);
  let form: HTMLFormElement | undefined;
  onMount(() => queueMicrotask(() => form?.querySelector("input")?.focus()));

  async function open(event: SubmitEvent) {
    event.preventDefault();
    if (name().trim() === "" || busy()) return;
    setBusy(true);
    setCause(null);
    setRefusals({});
    try {
      const taken = await openRoomWith(
        app,
        { name: name().trim(), size: large() ? "large" : "usual" },
        chosen(),
      );
      app.rooms.put(taken.room);
      if (Object.keys(taken.refusals).length === 0) return go(taken.room);
      setRefusals(taken.refusals);
      setOpened(taken.room);
    } catch (error) {
      const why = causeOf(error);
      const [only] = chosen();
      if (only && aboutOnePerson.has(why.code)) setRefusals({ [only]: why });
      else setCause(why);
    }
    setBusy(false);
  }

  function go(room: Room) {
    props.onClose();
    app.place.go(toRoom(room.roomId));
  }

  const refused = () => contacts().filter(({ account }) => refusals()[account]);

  return (
    <Modal title={t.rooms.new} onClose={props.onClose} testid="new-room-dialog">
      <Show
        when={contacts().length > 0}
        fallback={
          <Empty
            icon={Users}
            text={t.rooms.noContacts}
            action={t.rooms.noContactsDo}
            look="primary"
            onAction={() => setOverlay({ show: "invite" })}
          />
        }
      >
        <Show
          when={opened()}
          fallback={
            <form class="stack" ref={form} onSubmit={(event) => void open(event)}>
              <p class="prose muted">{t.rooms.newLead}</p>
              <Field
                label={t.rooms.name}
                placeholder={t.rooms.namePlaceholder}
                value={name()}
                maxLength={roomNameMax}
                onType={setName}
                autocomplete="off"
                wide
                required
                testid="room-name"
              />
              <ContactPicker
                from={contacts()}
                chosen={chosen()}
                onChoose={setChosen}
                max={roomPeopleChosenMax}
                refusals={refusals()}
              />
              <label class="choice">
                <input
                  type="checkbox"
                  checked={large()}
                  data-testid="large-room"
                  onChange={(event) => setLarge(event.currentTarget.checked)}
                />
                <span>
                  <strong>{t.rooms.large}</strong>
                  <span class="muted">{t.rooms.largeMeans}</span>
                </span>
              </label>
              <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
              <Button
                type="submit"
                look="primary"
                class="wide"
                busy={busy()}
                disabled={name().trim() === ""}
                testid="open-room"
              >
                {busy() ? t.rooms.opening : t.rooms.open(chosen().length)}
              </Button>
            </form>
          }
        >
          {(room) => (
            <div class="stack">
              <p class="prose" role="status">
                {t.rooms.notYet(refused().length)}
              </p>
              <RefusedPeople contacts={refused()} refusals={refusals()} />
              <Button look="primary" class="wide" testid="go-to-room" onClick={() => go(room())}>
                {t.rooms.goThere}
              </Button>
            </div>
          )}
        </Show>
      </Show>
    </Modal>
  );
}
