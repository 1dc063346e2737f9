/** Which homeserver keeps a room's changes in order, whether it is there, and, for owners, another in its place. */
import type { Room } from "@fedchat/engine/interface";
import { For, Show, type JSX } from "solid-js";
import { useApp } from "../state/context.ts";
import type { RoomPeople } from "../state/room-people.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { mayRule, roomServers } from "../text/rooms.ts";

export function RoomHub(props: { chat: Room; people: RoomPeople }): JSX.Element {
  const app = useApp();
  const hub = () => props.chat.group?.hub ?? null;
  const servers = () => roomServers(props.chat, props.people.all() ?? []);
  async function handOver(select: HTMLSelectElement) {
    const { roomId } = props.chat;
    const wanted = servers().find(({ serverId }) => serverId === select.value);
    // What is shown is what is; it changes when the room has.
    select.value = hub()?.serverId ?? "";
    if (!wanted) return;
    const changed = await app.ask("rooms.handOver", { roomId, serverId: wanted.serverId });
    if (!changed) return;
    app.rooms.put(changed);
    say({ level: "done", text: t.rooms.panel.handingOver(wanted.name) });
  }
  return (
    <Show when={hub()}>
      {(one) => (
        <section class="block" data-testid="room-hub" data-server={one().serverId}>
          <Show
            when={mayRule(props.chat) && servers().length > 1}
            fallback={
              <>
                <h4>{t.rooms.panel.hub}</h4>
                <p dir="auto">{one().name}</p>
              </>
            }
          >
            <div class="field">
              <label for="room-hub">{t.rooms.panel.hub}</label>
              <select
                id="room-hub"
                value={one().serverId}
                data-testid="room-hub-choice"
                onChange={(event) => void handOver(event.currentTarget)}
              >
                <For each={servers()}>
                  {({ serverId, name }) => (
                    <option value={serverId} selected={serverId === one().serverId}>
                      {name}
                    </option>
                  )}
                </For>
              </select>
            </div>
          </Show>
          <p class="muted small" role="status">
            {one().awaySince === null ? "" : `${t.rooms.panel.hubAway} `}
            {t.rooms.panel.hubHint}
          </p>
        </section>
      )}
    </Show>
  );
}
