/**
 * What just came in and waits for a decision: a chat request, a room that somebody took us into, a server that linked
 * us. They stand over the page and block nothing; 'Later' leaves them in their lists.
 */
import X from "lucide-solid/icons/x";
import { createMemo, For, Match, Show, Switch, type JSX } from "solid-js";
import { cardsMax } from "../limits.ts";
import { Button, IconButton } from "../parts/Button.tsx";
import { openRoom } from "../router.ts";
import { useApp } from "../state/context.ts";
import { isPutOff, putOff } from "../state/later.ts";
import { t } from "../strings.ts";
import { RequestActions, RequestBody } from "./Requests.tsx";
import { InvitationActions, InvitationBody, invitationTitle } from "./RoomInvitation.tsx";
import { block, BothKeys, linkBack } from "./ServerDetail.tsx";
import { invitedRooms, waitingLinks, waitingRequests } from "./waiting.ts";

export function Cards(): JSX.Element {
  const app = useApp();
  /** Keys rather than views, so that a card keeps its place and focus while its view changes. */
  const waiting = createMemo(() => {
    const route = app.place.route();
    const server = route.at === "servers" || route.at === "map" ? route.serverId : null;
    const links = app.status()?.homeserver.administrator
      ? waitingLinks(app).map((server) => server.serverId)
      : [];
    // In the list of requests each stands already, and a card would lie upon it.
    const asked = route.at === "requests" ? [] : waitingRequests(app).map((request) => request.requestId);
    const rooms = invitedRooms(app)
      .map((chat) => chat.roomId)
      .filter((roomId) => roomId !== openRoom(route));
    return [...asked, ...rooms, ...links].filter((id) => !isPutOff(id) && id !== server);
  });
  return (
    <div class="cards" aria-live="polite">
      <For each={waiting().slice(0, cardsMax)}>
        {(id) => (
          <Switch>
            <Match when={app.requests.get(id)}>
              {(request) => (
                <FloatingCard
                  label={t.requests.card(request().displayName)}
                  testid="request-dialog"
                  onLater={() => putOff(id)}
                >
                  <RequestBody request={request()} />
                  <RequestActions request={request()} />
                </FloatingCard>
              )}
            </Match>
            <Match when={app.rooms.get(id)}>
              {(chat) => (
                <FloatingCard label={invitationTitle(chat())} testid="room-card" onLater={() => putOff(id)}>
                  <InvitationBody chat={chat()} />
                  <InvitationActions chat={chat()} />
                </FloatingCard>
              )}
            </Match>
            <Match when={app.servers.get(id)}>
              {(server) => (
                <FloatingCard
                  label={t.servers.incomingCard(server().shownName)}
                  testid="incoming-link"
                  onLater={() => putOff(id)}
                >
                  <strong class="card-title">{t.servers.incomingCard(server().shownName)}</strong>
                  <p class="muted">{t.servers.incomingLead}</p>
                  <BothKeys server={server()} />
                  <div class="actions">
                    <Button look="primary" testid="link-back" onClick={() => void linkBack(app, server())}>
                      {t.servers.linkBack}
                    </Button>
                    <Button onClick={() => putOff(id)}>{t.common.later}</Button>
                    <span class="push" />
                    <Button
                      look="quiet"
                      class="danger-text"
                      testid="block-link"
                      onClick={() => void block(app, server())}
                    >
                      {t.servers.block}
                    </Button>
                  </div>
                </FloatingCard>
              )}
            </Match>
          </Switch>
        )}
      </For>
      <Show when={waiting().length > cardsMax}>
        <p class="cards-more">{t.requests.moreWaiting(waiting().length - cardsMax)}</p>
      </Show>
    </div>
  );
}

/** Beside what one does, not in its way: it can wait. */
function FloatingCard(props: {
  label: string;
  testid: string;
  onLater: () => void;
  children: JSX.Element;
}): JSX.Element {
  return (
    <div
      class="floating-card"
      role="dialog"
      aria-modal="false"
      aria-label={props.label}
      data-testid={props.testid}
    >
      <IconButton class="card-close" label={t.common.later} icon={X} onClick={props.onLater} />
      {props.children}
    </div>
  );
}
