/**
 * A room's details: its name, who is in it, what is under way, its rules, and the way out; or one person of it. Both
 * look at the same people, so that going from the list to a person and back asks nothing anew.
 */
import type { Person, Room } from "@fedchat/engine/interface";
import LogOut from "lucide-solid/icons/log-out";
import Pencil from "lucide-solid/icons/pencil";
import { createEffect, createResource, createSignal, For, on, Show, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { Button } from "../parts/Button.tsx";
import { RoomAvatar } from "../parts/RoomAvatar.tsx";
import { Spinner } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { createRoomPeople } from "../state/room-people.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { isIn, mayRename } from "../text/rooms.ts";
import { ChatChores } from "./ChatChores.tsx";
import { Disappearing } from "./Disappearing.tsx";
import { ConfirmDeed, type AskedDeed } from "./roomDeeds.tsx";
import { RoomAsks } from "./RoomAsks.tsx";
import { RoomHub } from "./RoomHub.tsx";
import { RoomPeopleList } from "./RoomPeopleList.tsx";
import { RoomPersonView } from "./RoomPersonView.tsx";
import { RoomRules } from "./RoomRules.tsx";
import { RoomSuccession } from "./RoomSuccession.tsx";

interface RoomPanelProps {
  chat: Room;
  /** Whom to show in place of the room. */
  person: { account: string; name: string } | null;
}

export function RoomPanel(props: RoomPanelProps): JSX.Element {
  const app = useApp();
  const people = createRoomPeople(app, () => props.chat.roomId);
  const [asked, setAsked] = createSignal<AskedDeed | null>(null);
  return (
    <div class="about">
      <Show
        when={props.person}
        fallback={
          <>
            <RoomHead chat={props.chat} />
            <Underway chat={props.chat} />
            <RoomAsks roomId={props.chat.roomId} />
            <Show when={isIn(props.chat) || props.chat.state === "invited"}>
              <RoomPeopleList chat={props.chat} people={people} onAsk={setAsked} />
            </Show>
            <RoomRules chat={props.chat} />
            <Show when={isIn(props.chat)}>
              <RoomHub chat={props.chat} people={people} />
              <RoomSuccession chat={props.chat} people={people} />
            </Show>
            <Show when={mayRename(props.chat)}>
              <Banned chat={props.chat} />
            </Show>
            <Show when={isIn(props.chat)}>
              <Disappearing chat={props.chat} />
            </Show>
            <section class="block column">
              <ChatChores chat={props.chat} />
              <Show when={isIn(props.chat)}>
                <Button
                  look="quiet"
                  class="danger-text"
                  icon={LogOut}
                  testid="leave-room"
                  onClick={() => setOverlay({ show: "leave-room", roomId: props.chat.roomId })}
                >
                  {t.rooms.panel.leave}
                </Button>
              </Show>
            </section>
          </>
        }
      >
        {(person) => (
          <RoomPersonView
            chat={props.chat}
            people={people}
            account={person().account}
            name={person().name}
            onAsk={setAsked}
          />
        )}
      </Show>
      <ConfirmDeed chat={props.chat} asked={asked()} onClose={() => setAsked(null)} />
    </div>
  );
}

function RoomHead(props: { chat: Room }): JSX.Element {
  const said = () => {
    const group = props.chat.group;
    if (!group) return "";
    if (!isIn(props.chat)) return props.chat.state === "invited" ? t.rooms.count(group.people) : t.rooms.out;
    const others = group.people - 1;
    return [
      t.rooms.count(group.people),
      others > 0 && group.role ? t.safety.ofMany(group.verified, others) : "",
      group.role ? t.rooms.yourRole[group.role] : "",
    ]
      .filter(Boolean)
      .join(" · ");
  };
  return (
    <div class="about-head">
      <RoomAvatar size="huge" name={props.chat.title} of={props.chat.roomId} />
      <h3 dir="auto" data-testid="room-title">
        {props.chat.title}
      </h3>
      <p class="muted">{said()}</p>
      <Show when={mayRename(props.chat)}>
        <Button
          look="quiet"
          icon={Pencil}
          testid="rename-room"
          onClick={() => setOverlay({ show: "rename-room", roomId: props.chat.roomId })}
        >
          {t.rooms.panel.rename}
        </Button>
      </Show>
    </div>
  );
}

/** Changes that others do not see yet, and why not. */
function Underway(props: { chat: Room }): JSX.Element {
  const lines = () => props.chat.group?.underway ?? [];
  return (
    <div role="status">
      <Show when={lines().length > 0}>
        <section class="block underway" data-testid="underway">
          <ul>
            <For each={lines()}>
              {(line) => (
                <li>
                  <Spinner /> {line}
                </li>
              )}
            </For>
          </ul>
          <Show when={props.chat.group?.cause}>
            {(cause) => (
              <p class="muted small">
                {cause().sentence} {cause().fix}
              </p>
            )}
          </Show>
        </section>
      </Show>
    </div>
  );
}

function Banned(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const [banned, { refetch }] = createResource(
    () => props.chat.roomId,
    (roomId) => app.call("rooms.banned", { roomId }).catch(() => []),
  );
  createEffect(
    on(
      () => app.roomTold(props.chat.roomId),
      () => void refetch(),
      { defer: true },
    ),
  );
  async function unban({ account, displayName }: Person) {
    const changed = await app.ask("rooms.unban", { roomId: props.chat.roomId, account });
    if (!changed) return;
    app.rooms.put(changed);
    say({ level: "done", text: t.rooms.panel.unbanned(displayName) });
  }
  return (
    <Show when={(banned.latest ?? []).length > 0}>
      <section class="block" data-testid="banned">
        <h4>{t.rooms.panel.banned}</h4>
        <p class="muted small">{t.rooms.panel.bannedHint}</p>
        <ul class="banned">
          <For each={banned.latest ?? []}>
            {(person) => (
              <li>
                <Avatar size="small" name={person.displayName} of={person.account} />
                <span class="row-title" dir="auto">
                  {person.displayName}
                </span>
                <Button
                  look="quiet"
                  aria-label={t.rooms.panel.unbanNamed(person.displayName)}
                  testid="unban"
                  onClick={() => void unban(person)}
                >
                  {t.rooms.panel.unban}
                </Button>
              </li>
            )}
          </For>
        </ul>
      </section>
    </Show>
  );
}
