/** Who is in a room: oneself first, each with role, place and presence, and what one may do to them. */
import type { Room, RoomPerson } from "@fedchat/engine/interface";
import Ellipsis from "lucide-solid/icons/ellipsis";
import Search from "lucide-solid/icons/search";
import ShieldCheck from "lucide-solid/icons/shield-check";
import UserRoundPlus from "lucide-solid/icons/user-round-plus";
import { createMemo, createSignal, Show, type JSX } from "solid-js";
import { roomPeopleAtAGlance, roomPeopleDrawn } from "../limits.ts";
import { Avatar } from "../parts/Avatar.tsx";
import { Button } from "../parts/Button.tsx";
import { Menu } from "../parts/Menu.tsx";
import { Rows } from "../parts/Rows.tsx";
import { CauseText } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { setDetail, setOverlay } from "../state/panel.ts";
import type { RoomPeople } from "../state/room-people.ts";
import { t } from "../strings.ts";
import { nameOf } from "../text/names.ts";
import { deedsFor, isIn, mayAdd, peopleShown } from "../text/rooms.ts";
import { whereIs } from "./People.tsx";
import { offerOf, type AskedDeed } from "./roomDeeds.tsx";

interface RoomPeopleListProps {
  chat: Room;
  people: RoomPeople;
  onAsk: (asked: AskedDeed) => void;
}

export function RoomPeopleList(props: RoomPeopleListProps): JSX.Element {
  const [filter, setFilter] = createSignal("");
  const [whole, setWhole] = createSignal(false);
  const all = () => props.people.all() ?? [];
  const found = createMemo(() => peopleShown(all(), filter()));
  const drawn = createMemo(() => (whole() ? found() : found().slice(0, roomPeopleDrawn)));
  const count = () => props.people.all()?.length ?? props.chat.group?.people ?? 0;
  return (
    <section class="block people-block">
      <div class="block-head">
        <h4>{t.rooms.panel.people(count())}</h4>
        <Show when={mayAdd(props.chat)}>
          <Button
            look="quiet"
            icon={UserRoundPlus}
            testid="add-people"
            onClick={() => setOverlay({ show: "add-people", roomId: props.chat.roomId })}
          >
            {t.rooms.panel.add}
          </Button>
        </Show>
      </div>
      <Show when={props.people.cause()}>{(cause) => <CauseText cause={cause()} />}</Show>
      <Show when={all().length > roomPeopleAtAGlance}>
        <div class="search-field" role="search" aria-label={t.rooms.panel.find}>
          <Search size={17} />
          <input
            type="text"
            inputMode="search"
            autocomplete="off"
            aria-label={t.rooms.panel.find}
            placeholder={t.rooms.panel.find}
            data-testid="room-people-filter"
            value={filter()}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
        <Show when={found().length === 0}>
          <p class="list-note" role="status">
            {t.rooms.panel.noMatch}
          </p>
        </Show>
      </Show>
      <Show when={props.people.all() === null && !props.people.cause()}>
        <p class="muted" role="status">
          {t.rooms.panel.loading}
        </p>
      </Show>
      <Rows
        label={t.rooms.panel.list}
        each={drawn()}
        keyOf={({ person }) => person.account}
        class="room-people"
        testid="room-people"
      >
        {(one, tab) => <PersonRow chat={props.chat} one={one} all={all()} tab={tab()} onAsk={props.onAsk} />}
      </Rows>
      <Show when={drawn().length < found().length}>
        <Button look="quiet" onClick={() => setWhole(true)}>
          {t.rooms.panel.all(found().length)}
        </Button>
      </Show>
    </section>
  );
}

interface PersonRowProps {
  chat: Room;
  one: RoomPerson;
  all: readonly RoomPerson[];
  tab: 0 | -1;
  onAsk: (asked: AskedDeed) => void;
}

function PersonRow(props: PersonRowProps): JSX.Element {
  const app = useApp();
  const person = () => props.one.person;
  const name = () =>
    nameOf({ nickname: null, ...app.contacts.get(person().account), displayName: person().displayName });
  const presence = () => app.people.get(person().account)?.presence ?? person().presence;
  const deeds = () =>
    isIn(props.chat) ? deedsFor(props.chat.group?.role ?? null, props.one, props.all) : [];
  return (
    <>
      <button
        type="button"
        class="row"
        tabIndex={props.tab}
        data-row={person().account}
        data-testid="room-person"
        data-role={props.one.role}
        data-name={person().displayName}
        onClick={() => setDetail({ show: "person", account: person().account, name: name() })}
      >
        <Avatar name={name()} of={person().account} presence={props.one.self ? undefined : presence()} />
        <span class="row-text">
          <span class="row-line">
            <span class="row-title" dir="auto">
              {props.one.self ? t.rooms.panel.you : name()}
            </span>
            <Show when={!props.one.self && person().verified}>
              <span class="verified-sign">
                <ShieldCheck size={15} role="img" aria-label={t.safety.verified} />
              </span>
            </Show>
            <Show when={props.one.role !== "member"}>
              <span class="role-pill" data-role={props.one.role}>
                {t.rooms.roles[props.one.role]}
              </span>
            </Show>
          </span>
          <span class="row-preview">{whereIs(person(), app.status()?.homeserver.serverId)}</span>
          <Show when={!props.one.self}>
            <span class="hidden">{t.people.presence[presence()]}</span>
          </Show>
        </span>
      </button>
      <Show when={deeds().length > 0}>
        <Menu
          class="small"
          label={t.rooms.panel.actions(name())}
          icon={Ellipsis}
          items={deeds().map((deed) => ({
            ...offerOf(deed),
            run: () => props.onAsk({ deed, target: props.one, name: name() }),
          }))}
        />
      </Show>
    </>
  );
}
