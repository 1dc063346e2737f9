/** A room's rules, which its owners set: how others come in, and who may take people in; and the links into it. */
import type { Room } from "@fedchat/engine/interface";
import Link from "lucide-solid/icons/link";
import { For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";
import { mayAdd, mayRule } from "../text/rooms.ts";
import { RoomListing } from "./RoomListing.tsx";

const joinings = ["invited", "approval", "open"] as const;
const invitings = ["moderators", "members"] as const;

export function RoomRules(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const group = () => props.chat.group!;
  async function choose(rules: {
    joining?: (typeof joinings)[number];
    inviting?: (typeof invitings)[number];
  }) {
    const changed = await app.ask("rooms.setRules", { roomId: props.chat.roomId, ...rules });
    if (changed) app.rooms.put(changed);
    return changed !== null;
  }
  /** What was not possible does not stand there as if it were. */
  async function chooseIn(select: HTMLSelectElement, rules: Parameters<typeof choose>[0], now: string) {
    if (!(await choose(rules))) select.value = now;
  }
  return (
    <Show when={mayRule(props.chat) || (mayAdd(props.chat) && group().joining !== "invited")}>
      <section class="block stack">
        <Show when={mayRule(props.chat)}>
          <div class="field">
            <label for="room-joining">{t.rooms.panel.joiningLabel}</label>
            <select
              id="room-joining"
              data-testid="room-joining"
              onChange={({ currentTarget }) =>
                void chooseIn(
                  currentTarget,
                  { joining: joinings[currentTarget.selectedIndex]! },
                  group().joining,
                )
              }
            >
              <For each={joinings}>
                {(one) => (
                  <option value={one} selected={group().joining === one}>
                    {t.rooms.panel.joining[one]}
                  </option>
                )}
              </For>
            </select>
            <p class="muted small">{t.rooms.panel.joiningHint[group().joining]}</p>
          </div>
          <div class="field">
            <label for="room-inviting">{t.rooms.panel.rules}</label>
            <select
              id="room-inviting"
              data-testid="room-inviting"
              onChange={({ currentTarget }) =>
                void chooseIn(
                  currentTarget,
                  { inviting: invitings[currentTarget.selectedIndex]! },
                  group().inviting,
                )
              }
            >
              <For each={invitings}>
                {(one) => (
                  <option value={one} selected={group().inviting === one}>
                    {t.rooms.panel.inviting[one]}
                  </option>
                )}
              </For>
            </select>
          </div>
        </Show>
        <Show when={mayRule(props.chat) && group().joining !== "invited"}>
          <RoomListing chat={props.chat} />
        </Show>
        <Show when={mayAdd(props.chat) && group().joining !== "invited"}>
          <Button
            icon={Link}
            testid="room-links"
            onClick={() => setOverlay({ show: "room-links", roomId: props.chat.roomId })}
          >
            {t.roomLinks.open}
          </Button>
        </Show>
      </section>
    </Show>
  );
}
