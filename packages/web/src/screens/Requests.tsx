/** Chat requests: an inbox of their own. Of a stranger nothing is shown but what the request itself says. */
import type { Request } from "@fedchat/engine/interface";
import ArrowLeft from "lucide-solid/icons/arrow-left";
import Inbox from "lucide-solid/icons/inbox";
import { createEffect, createMemo, on, Show, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { Button, IconButton } from "../parts/Button.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Rows } from "../parts/Rows.tsx";
import { CauseText, Empty, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { room, routePath } from "../router.ts";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import type { App } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago, fullDate, listTime } from "../text/time.ts";
import { InsteadOf } from "./KeyChange.tsx";
import { RoomAsks } from "./RoomAsks.tsx";

export function RequestList(): JSX.Element {
  const app = useApp();
  const newest = createMemo(() => app.requests.all().sort((a, b) => b.createdAt - a.createdAt));
  const open = (request: Request) => request.state === "pending" || request.state === "failed";
  const here = () => {
    const route = app.place.route();
    return route.at === "requests" ? route.requestId : null;
  };
  return (
    <div class="pane-column">
      <header class="pane-head">
        <IconButton
          class="only-narrow"
          label={t.requests.backToPeople}
          icon={ArrowLeft}
          testid="requests-back"
          onClick={() => app.place.go({ at: "people", account: null })}
        />
        <h1>{t.requests.title}</h1>
      </header>
      <div class="pane-scroll">
        <RoomAsks />
        <Show
          when={newest().length > 0 || app.asks.all().some((ask) => ask.state === "pending")}
          fallback={
            <Empty
              icon={Inbox}
              text={t.requests.empty}
              action={t.requests.emptyDo}
              onAction={() => setOverlay({ show: "invite" })}
            />
          }
        >
          <Group
            title={t.requests.incoming}
            each={newest().filter((one) => open(one) && one.direction === "incoming")}
            here={here()}
          />
          <Group
            title={t.requests.outgoing}
            each={newest().filter((one) => open(one) && one.direction === "outgoing")}
            here={here()}
          />
          <Group title={t.requests.past} each={newest().filter((one) => !open(one))} here={here()} />
        </Show>
      </div>
    </div>
  );
}

function Group(props: { title: string; each: Request[]; here: string | null }): JSX.Element {
  const now = createClock(everyHalfMinute);
  return (
    <Show when={props.each.length > 0}>
      <h2 class="list-heading">{props.title}</h2>
      <Rows
        label={props.title}
        each={props.each}
        keyOf={(request) => request.requestId}
        selected={props.here}
      >
        {(request, tab) => (
          <a
            class="row"
            href={routePath({ at: "requests", requestId: request.requestId })}
            tabIndex={tab()}
            data-row={request.requestId}
            data-testid="request-row"
            data-state={request.state}
            data-direction={request.direction}
            aria-current={props.here === request.requestId ? "page" : undefined}
          >
            <Avatar name={request.displayName} of={request.account} />
            <span class="row-text">
              <span class="row-line">
                <span class="row-title" dir="auto">
                  {request.displayName}
                </span>
                <time class="row-time" title={fullDate(request.createdAt)}>
                  {listTime(request.createdAt, now())}
                </time>
              </span>
              <span class="row-preview" dir="auto">
                {request.state === "pending" && request.direction === "incoming"
                  ? request.text || request.address
                  : t.requests.state[request.state]}
              </span>
            </span>
          </a>
        )}
      </Rows>
    </Show>
  );
}

export function RequestPane(props: { requestId: string | null }): JSX.Element {
  const app = useApp();
  const request = () => (props.requestId === null ? undefined : app.requests.get(props.requestId));
  // Whoever waits here for an answer, as after an invitation, goes straight on to the conversation.
  createEffect(
    on(
      () => [props.requestId, request()?.direction, request()?.roomId] as const,
      ([id, direction, roomId], before) => {
        if (direction === "outgoing" && roomId && before?.[0] === id && !before?.[2])
          app.place.go(room(roomId));
      },
    ),
  );
  return (
    <Show when={props.requestId} fallback={<Empty icon={Inbox} text={t.requests.pick} />}>
      <Show when={request()} fallback={<Empty icon={Inbox} text={t.requests.notFound} />}>
        {(known) => (
          <div class="pane-body" data-testid="request">
            <PaneHead title={known().displayName} back={{ at: "requests", requestId: null }} />
            <div class="pane-scroll page">
              <section class="card stack">
                <RequestBody request={known()} />
                <RequestActions request={known()} />
              </section>
            </div>
          </div>
        )}
      </Show>
    </Show>
  );
}

export function RequestBody(props: { request: Request }): JSX.Element {
  const request = () => props.request;
  const now = createClock(everyHalfMinute);
  const title = () =>
    request().direction === "incoming"
      ? t.requests.asks(request().displayName)
      : t.requests.youAsked(request().displayName);
  return (
    <>
      <div class="who-line">
        <Avatar name={request().displayName} of={request().account} size="large" />
        <div>
          <strong dir="auto">{title()}</strong>
          <span class="muted">
            {request().address} ·{" "}
            <time title={fullDate(request().createdAt)}>{ago(request().createdAt, now())}</time>
          </span>
        </div>
      </div>
      <blockquote class="request-text" dir="auto" data-testid="request-words">
        {request().text || <span class="muted">{t.requests.noText}</span>}
      </blockquote>
      <Show when={request().state !== "pending"}>
        <p class="muted" data-testid="request-state">
          {t.requests.state[request().state]}
        </p>
      </Show>
      <Show when={request().cause}>{(cause) => <CauseText cause={cause()} />}</Show>
      <InsteadOf name={request().insteadOf} account={request().account} />
      <Facts>
        <Fact name={t.about.server}>{request().serverName}</Fact>
        <Fact name={t.requests.fingerprint} testid="request-fingerprint">
          <Fingerprint of={request().account} />
        </Fact>
        <Fact name={t.requests.why}>{request().why}</Fact>
      </Facts>
    </>
  );
}

export function RequestActions(props: { request: Request; onDone?: () => void }): JSX.Element {
  const app = useApp();
  const request = () => props.request;
  const pending = () => request().state === "pending";
  return (
    <>
      <Show when={pending() && request().direction === "incoming"}>
        <div class="actions">
          <Button
            look="primary"
            testid="accept"
            onClick={() => void accept(app, request()).then(props.onDone)}
          >
            {t.requests.accept}
          </Button>
          <Button testid="decline" onClick={() => void decline(app, request()).then(props.onDone)}>
            {t.requests.decline}
          </Button>
          <span class="push" />
          <Button
            look="quiet"
            class="danger-text"
            testid="block-account"
            onClick={() => void block(app, request()).then(props.onDone)}
          >
            {t.requests.block}
          </Button>
          <Button
            look="quiet"
            class="danger-text"
            testid="block-server"
            onClick={() => void blockServer(app, request()).then(props.onDone)}
          >
            {t.requests.blockServer}
          </Button>
        </div>
        <p class="muted small">{t.requests.silent}</p>
      </Show>
      <Show when={(pending() || request().state === "failed") && request().direction === "outgoing"}>
        <div class="actions">
          <Show when={request().state === "failed"}>
            <Button
              look="primary"
              onClick={() => void app.ask("requests.send", { who: request().account, text: request().text })}
            >
              {t.requests.retry}
            </Button>
          </Show>
          <Button testid="withdraw" onClick={() => void withdraw(app, request())}>
            {t.requests.withdraw}
          </Button>
        </div>
      </Show>
      <Show when={request().state === "accepted" && request().roomId}>
        {(roomId) => (
          <div class="actions">
            <a class="button primary" href={routePath(room(roomId()))}>
              {t.people.openChat}
            </a>
          </div>
        )}
      </Show>
    </>
  );
}

async function accept(app: App, request: Request) {
  const opened = await app.ask("requests.accept", { requestId: request.requestId });
  if (!opened) return;
  app.rooms.put(opened);
  app.requests.put({ ...request, state: "accepted", roomId: opened.roomId });
  say({ level: "done", text: t.requests.accepted(request.displayName) });
  app.place.go(room(opened.roomId));
}

async function decline(app: App, request: Request) {
  if (!(await app.ask("requests.decline", { requestId: request.requestId }))) return;
  app.requests.put({ ...request, state: "declined" });
  say({ level: "done", text: t.requests.declined });
}

async function withdraw(app: App, request: Request) {
  if (!(await app.ask("requests.withdraw", { requestId: request.requestId }))) return;
  app.requests.put({ ...request, state: "withdrawn" });
  say({ level: "done", text: t.requests.withdrawn });
}

async function block(app: App, request: Request) {
  if (!(await app.ask("contacts.block", { account: request.account }))) return;
  app.blocked.put({ account: request.account, displayName: request.displayName });
  app.requests.put({ ...request, state: "declined" });
  say({ level: "done", text: t.requests.blocked(request.displayName) });
}

async function blockServer(app: App, request: Request) {
  const server = await app.ask("servers.block", { serverId: request.serverId });
  if (!server) return;
  app.servers.put(server);
  app.requests.put({ ...request, state: "declined" });
  say({ level: "done", text: t.requests.blocked(server.shownName) });
}
