/** One person of a room: who that is, the way into a chat with them, and what one may do to them here. */
import type { Person, Room } from "@fedchat/engine/interface";
import MessageCircle from "lucide-solid/icons/message-circle";
import ShieldCheck from "lucide-solid/icons/shield-check";
import { createResource, For, Match, Show, Switch, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { Button } from "../parts/Button.tsx";
import { Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { room, routePath } from "../router.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import type { RoomPeople } from "../state/room-people.ts";
import { t } from "../strings.ts";
import { deedsFor, isIn } from "../text/rooms.ts";
import { RequestForm } from "./People.tsx";
import { offerOf, type AskedDeed } from "./roomDeeds.tsx";
import { VerifiedLine } from "./VerifiedLine.tsx";

interface RoomPersonViewProps {
  chat: Room;
  people: RoomPeople;
  account: string;
  /** As they were called where somebody asked who this is. */
  name: string;
  onAsk: (asked: AskedDeed) => void;
}

export function RoomPersonView(props: RoomPersonViewProps): JSX.Element {
  const app = useApp();
  const one = () => props.people.get(props.account);
  // Who left the room may still be known from elsewhere.
  const [found] = createResource(
    () => (props.people.all() && !one() && !app.people.get(props.account) ? props.account : null),
    (account) => app.call("people.find", { who: account }).catch(() => null),
  );
  const person = (): Person | null => app.people.get(props.account) ?? one()?.person ?? found.latest ?? null;
  const deeds = () => {
    const target = one();
    return target && isIn(props.chat)
      ? deedsFor(props.chat.group?.role ?? null, target, props.people.all() ?? []).map((deed) => ({
          deed,
          target,
        }))
      : [];
  };
  const self = () => one()?.self === true || props.account === app.status()?.me?.account;
  const title = () => (self() ? t.rooms.panel.named(props.name) : props.name);
  const asked = () =>
    app.requests.all().some((request) => request.account === props.account && request.state === "pending");
  return (
    <div data-testid="room-person-view">
      <div class="about-head">
        <Avatar
          size="huge"
          name={props.name}
          of={props.account}
          presence={self() ? undefined : person()?.presence}
        />
        <h3 dir="auto">{title()}</h3>
        <Show when={person()}>
          {(known) => (
            <p class="muted">
              {known().address}
              <Show when={!self()}> · {t.people.presence[known().presence]}</Show>
            </p>
          )}
        </Show>
      </div>
      <section class="block">
        <Facts>
          <Fact name={t.rooms.person.role}>
            <Show when={one()} fallback={t.rooms.person.notHere}>
              {(known) => t.rooms.roles[known().role]}
            </Show>
          </Fact>
          <Show when={person()}>
            {(known) => (
              <Fact name={t.about.server}>
                <Show when={app.servers.get(known().serverId)} fallback={known().serverName}>
                  <a href={routePath({ at: "servers", serverId: known().serverId })}>{known().serverName}</a>
                </Show>
              </Fact>
            )}
          </Show>
          <Fact name={t.about.account}>
            <Fingerprint of={props.account} />
          </Fact>
        </Facts>
      </section>
      <Show when={!self() && person()}>
        {(known) => (
          <section class="block">
            <VerifiedLine verified={known().verified} name={props.name} />
            <Button
              icon={ShieldCheck}
              testid="person-verify"
              onClick={() => setOverlay({ show: "safety", account: props.account })}
            >
              {known().verified ? t.about.safetyShow : t.safety.verify}
            </Button>
          </section>
        )}
      </Show>
      <Show when={!self() && person()}>
        {(known) => (
          <section class="block">
            <Switch fallback={<RequestForm person={known()} />}>
              <Match when={known().roomId}>
                {(roomId) => (
                  <Button
                    look="primary"
                    icon={MessageCircle}
                    testid="person-chat"
                    onClick={() => app.place.go(room(roomId()))}
                  >
                    {t.people.openChat}
                  </Button>
                )}
              </Match>
              <Match when={known().relation === "blocked"}>
                <p class="muted">{t.people.relation.blocked}</p>
              </Match>
              <Match when={known().relation === "requested" || known().relation === "requesting" || asked()}>
                <p class="muted" data-testid="request-pending">
                  {known().relation === "requesting"
                    ? t.people.relation.requesting
                    : t.requests.state.pending}
                </p>
              </Match>
            </Switch>
          </section>
        )}
      </Show>
      <Show when={deeds().length > 0}>
        <section class="block column">
          <For each={deeds()}>
            {({ deed, target }) => {
              const offer = offerOf(deed);
              return (
                <Button
                  look="quiet"
                  icon={offer.icon}
                  class={offer.danger ? "danger-text" : ""}
                  testid={offer.testid}
                  onClick={() => props.onAsk({ deed, target, name: props.name })}
                >
                  {offer.label}
                </Button>
              );
            }}
          </For>
        </section>
      </Show>
    </div>
  );
}
