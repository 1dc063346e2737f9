/** Rooms that people here and of linked servers let others see, each with the way in: one press asks, or joins. */
import type { ListedRoom } from "@fedchat/engine/interface";
import { createEffect, createSignal, For, on, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { RoomAvatar } from "../parts/RoomAvatar.tsx";
import { listedRoomsEveryMs } from "../limits.ts";
import { room } from "../router.ts";
import { useApp } from "../state/context.ts";
import { createPolled } from "../state/polled.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { matches } from "../text/names.ts";

/** @param props.serverId only those of this server */
export function ListedRooms(props: { serverId?: string; filter?: string }): JSX.Element {
  const app = useApp();
  const rooms = createPolled(() => app.call("rooms.listed", {}), listedRoomsEveryMs);
  // Whoever was let in, or asked elsewhere, stands otherwise to it.
  createEffect(
    on(
      [
        () =>
          app.asks
            .all()
            .map(({ state }) => state)
            .join(),
        () => app.rooms.all().length,
      ],
      rooms.refresh,
      {
        defer: true,
      },
    ),
  );
  const shown = () =>
    (rooms() ?? [])
      .filter((one) => props.serverId === undefined || one.serverId === props.serverId)
      .filter((one) => matches(props.filter ?? "", one.name, one.description, one.serverName));
  return (
    <Show when={shown().length > 0}>
      <section class="listed-rooms" aria-label={t.listed.title} data-testid="listed-rooms">
        <h2 class="list-heading">{t.listed.title}</h2>
        <ul>
          <For each={shown()}>
            {(one) => (
              <li data-testid="listed-room" data-standing={one.standing}>
                <RoomAvatar name={one.name || t.roomLinks.nameless} of={one.roomId} />
                <div>
                  <strong dir="auto">{one.name || t.roomLinks.nameless}</strong>
                  <span dir="auto">{one.description}</span>
                  <Show when={one.lobby}>
                    {(directory) => (
                      <span class="small" data-testid="lobby">
                        {t.listed.lobby(directory())}
                      </span>
                    )}
                  </Show>
                  <span class="muted small">{t.listed.where(one.people, one.ownerName, one.serverName)}</span>
                </div>
                <WayIn one={one} />
              </li>
            )}
          </For>
        </ul>
      </section>
    </Show>
  );
}

function WayIn(props: { one: ListedRoom }): JSX.Element {
  const app = useApp();
  const [busy, setBusy] = createSignal(false);
  async function ask() {
    setBusy(true);
    const asked = await app.ask("rooms.ask", { link: props.one.link });
    setBusy(false);
    if (!asked) return;
    app.asks.put(asked);
    if (!props.one.open) say({ level: "done", text: t.roomLinks.waits(asked.displayName) });
  }
  return (
    <Show
      when={props.one.standing === "none"}
      fallback={
        <Show when={props.one.standing === "in"} fallback={<span class="muted small">{t.listed.asked}</span>}>
          <Button testid="listed-open" onClick={() => app.place.go(room(props.one.roomId))}>
            {t.listed.open}
          </Button>
        </Show>
      }
    >
      <Button
        look="primary"
        busy={busy()}
        testid="listed-ask"
        aria-label={t.listed.askNamed(props.one.open, props.one.name)}
        onClick={() => void ask()}
      >
        {props.one.open ? t.listed.join : t.listed.ask}
      </Button>
    </Show>
  );
}
