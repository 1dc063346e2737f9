/**
 * Who may own a room when its owners are gone: owners set it; the heir and moderators claim the room; everybody sees a
 * claim for as long as it stands.
 */
import type { Room } from "@fedchat/engine/interface";
import { createSignal, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { useApp } from "../state/context.ts";
import type { RoomPeople } from "../state/room-people.ts";
import { t } from "../strings.ts";
import { isIn, mayRule } from "../text/rooms.ts";
import { fullDate } from "../text/time.ts";

const waits = [30, 90, 180, 365] as const;
const moderators = "moderators";
const nobody = "nobody";

export function RoomSuccession(props: { chat: Room; people: RoomPeople }): JSX.Element {
  const app = useApp();
  const [asked, setAsked] = createSignal(false);
  const succession = () => props.chat.group?.succession ?? null;
  const claim = () => succession()?.claim ?? null;
  const heirs = () => (props.people.all() ?? []).filter(({ role }) => role !== "owner");
  const heirNow = () => {
    const now = succession();
    return now === null ? nobody : (now.heir?.account ?? moderators);
  };
  /** Another number of days may have been set by another program. */
  const waitsShown = () => [...new Set([...waits, succession()?.days ?? waits[1]])].toSorted((a, b) => a - b);

  async function put(changed: Promise<Room | null>): Promise<void> {
    const room = await changed;
    if (room) app.rooms.put(room);
  }
  async function set(select: HTMLSelectElement, now: string, heir: string, days: number) {
    const { roomId } = props.chat;
    const wanted =
      heir === nobody ? { heir: null, days: 0 } : { heir: heir === moderators ? null : heir, days };
    // What is shown is what is; it changes when the room has.
    select.value = now;
    await put(app.ask("rooms.setSuccession", { roomId, ...wanted }));
  }
  return (
    <Show when={isIn(props.chat) && (mayRule(props.chat) || succession() !== null)}>
      <section class="block stack" data-testid="room-succession">
        <Show
          when={mayRule(props.chat)}
          fallback={
            <Show when={succession()}>
              {(one) => (
                <>
                  <h4>{t.rooms.succession.label}</h4>
                  <p dir="auto">{t.rooms.succession.told(one().heir?.name ?? null, one().days)}</p>
                </>
              )}
            </Show>
          }
        >
          <div class="field">
            <label for="room-heir">{t.rooms.succession.label}</label>
            <select
              id="room-heir"
              data-testid="room-heir"
              value={heirNow()}
              onChange={({ currentTarget }) =>
                void set(currentTarget, heirNow(), currentTarget.value, succession()?.days ?? waits[1])
              }
            >
              <option value={nobody}>{t.rooms.succession.nobody}</option>
              <option value={moderators} selected={heirNow() === moderators}>
                {t.rooms.succession.moderators}
              </option>
              <For each={heirs()}>
                {({ person }) => (
                  <option value={person.account} selected={heirNow() === person.account}>
                    {person.displayName}
                  </option>
                )}
              </For>
            </select>
            <p class="muted small">{t.rooms.succession.hint}</p>
          </div>
          <Show when={succession()}>
            {(one) => (
              <div class="field">
                <label for="room-heir-days">{t.rooms.succession.after}</label>
                <select
                  id="room-heir-days"
                  data-testid="room-heir-days"
                  value={String(one().days)}
                  onChange={({ currentTarget }) =>
                    void set(currentTarget, String(one().days), heirNow(), Number(currentTarget.value))
                  }
                >
                  <For each={waitsShown()}>
                    {(days) => (
                      <option value={String(days)} selected={days === one().days}>
                        {t.rooms.succession.days(days)}
                      </option>
                    )}
                  </For>
                </select>
              </div>
            )}
          </Show>
        </Show>
        <Show when={claim()}>
          {(one) => (
            <p role="status" data-testid="room-claimed">
              {t.rooms.succession.claimed(one().by.join(", "), fullDate(one().dueAt))}
            </p>
          )}
        </Show>
        <Show when={claim()?.ours === true}>
          <Button
            testid="room-unclaim"
            onClick={() => void put(app.ask("rooms.unclaim", { roomId: props.chat.roomId }))}
          >
            {t.rooms.succession.unclaim}
          </Button>
        </Show>
        <Show when={succession()?.mayClaim === true}>
          <Button testid="room-claim" onClick={() => setAsked(true)}>
            {t.rooms.succession.claim}
          </Button>
        </Show>
        <Show when={asked()}>
          <Confirm
            look="primary"
            title={t.rooms.succession.claimTitle}
            body={t.rooms.succession.claimBody(succession()?.days ?? 0)}
            action={t.rooms.succession.claimDo}
            onConfirm={() => void put(app.ask("rooms.claim", { roomId: props.chat.roomId }))}
            onClose={() => setAsked(false)}
          />
        </Show>
      </section>
    </Show>
  );
}
