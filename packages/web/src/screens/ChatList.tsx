/** The chats, last activity first; the field above filters them and searches all messages. */
import type { Room, SearchHit } from "@fedchat/engine/interface";
import Inbox from "lucide-solid/icons/inbox";
import MailPlus from "lucide-solid/icons/mail-plus";
import Search from "lucide-solid/icons/search";
import UsersPlus from "lucide-solid/icons/user-round-plus";
import X from "lucide-solid/icons/x";
import { createEffect, createMemo, createSignal, Match, on, Show, Switch, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { Button, IconButton } from "../parts/Button.tsx";
import { ChatAvatar, RoomAvatar } from "../parts/RoomAvatar.tsx";
import { Rows } from "../parts/Rows.tsx";
import { Badge } from "../parts/Small.tsx";
import { StateIcon } from "../parts/StateIcon.tsx";
import { room, routePath } from "../router.ts";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { searchAsked, setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";
import { matches } from "../text/names.ts";
import { previewOf } from "../text/rooms.ts";
import { fullDate, listTime } from "../text/time.ts";
import { createSearch } from "../state/search.ts";
import { Snippet } from "./Snippet.tsx";
import { roomsInOrder, waitingRequests } from "./waiting.ts";

export function ChatList(): JSX.Element {
  const app = useApp();
  const [words, setWords] = createSignal("");
  const now = createClock(everyHalfMinute);
  const search = createSearch(app, words, () => null);
  let field!: HTMLInputElement;
  createEffect(on(searchAsked, () => queueMicrotask(() => field.select()), { defer: true }));

  const shown = createMemo(() => {
    const chats = roomsInOrder(app);
    if (words().trim() === "") return chats;
    return chats.filter((chat) => matches(words(), titleOf(chat), chat.peer?.address ?? ""));
  });
  const here = () => {
    const route = app.place.route();
    return route.at === "room" ? route.roomId : null;
  };
  const onlyNotes = () => app.rooms.all().every((chat) => chat.kind === "notes");

  return (
    <div class="pane-column">
      <header class="pane-head">
        <h1>{t.chats.title}</h1>
        <IconButton
          label={t.rooms.new}
          icon={UsersPlus}
          testid="new-room"
          onClick={() => setOverlay({ show: "new-room" })}
        />
      </header>
      <div class="search-field" role="search" aria-label={t.chats.searchLabel}>
        <Search size={17} />
        <input
          ref={field}
          type="text"
          inputMode="search"
          autocomplete="off"
          value={words()}
          placeholder={t.chats.search}
          aria-label={t.chats.searchLabel}
          data-testid="search-field"
          onInput={(event) => setWords(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape" && words() !== "") {
              event.preventDefault();
              setWords("");
            } else if (event.key === "ArrowDown") {
              event.preventDefault();
              event.currentTarget.closest(".pane-column")?.querySelector<HTMLElement>("[data-row]")?.focus();
            } else if (event.key === "Enter") {
              event.currentTarget.closest(".pane-column")?.querySelector<HTMLElement>("[data-row]")?.click();
            }
          }}
        />
        <Show when={words() !== ""}>
          <button
            type="button"
            class="icon-button small"
            aria-label={t.chats.clear}
            onClick={() => setWords("")}
          >
            <X size={16} />
          </button>
        </Show>
      </div>
      <div class="pane-scroll">
        <Show when={words() === "" && waitingRequests(app).length > 0}>
          <a
            class="row entry"
            href={routePath({ at: "requests", requestId: null })}
            data-testid="requests-entry"
          >
            <Avatar name="" of="" icon={Inbox} />
            <span class="row-text">
              <span class="row-title">{t.chats.requestsEntry(waitingRequests(app).length)}</span>
            </span>
            <Badge count={waitingRequests(app).length} />
          </a>
        </Show>
        <Show when={search.active()}>
          <h2 class="list-heading">{t.chats.chatsFound}</h2>
          <Show when={shown().length === 0}>
            <p class="list-note">{t.chats.noMatch}</p>
          </Show>
        </Show>
        <Rows
          label={t.chats.list}
          each={shown()}
          keyOf={(chat) => chat.roomId}
          selected={here()}
          testid="chat-list"
        >
          {(chat, tab) => <ChatRow chat={chat} here={here() === chat.roomId} now={now()} tab={tab()} />}
        </Rows>
        <Show when={search.active()}>
          <h2 class="list-heading">{t.chats.messagesFound}</h2>
          <Show when={search.hits().length === 0}>
            <p class="list-note" role="status">
              {search.busy() ? t.chats.searching : t.chats.noMessages}
            </p>
          </Show>
          <Rows
            label={t.chats.messagesFound}
            each={search.hits()}
            keyOf={(hit) => hit.message.messageId}
            testid="search-hits"
          >
            {(hit, tab) => <HitRow hit={hit} now={now()} tab={tab()} />}
          </Rows>
        </Show>
        <Show when={words() === "" && onlyNotes()}>
          <div class="nudge">
            <p>{t.chats.inviteHint}</p>
            <Button
              look="primary"
              icon={MailPlus}
              onClick={() => setOverlay({ show: "invite" })}
              testid="invite-button"
            >
              {t.chats.invite}
            </Button>
          </div>
        </Show>
      </div>
    </div>
  );
}

export const titleOf = (chat: Room): string => (chat.kind === "notes" ? t.chats.notes : chat.title);

function ChatRow(props: { chat: Room; here: boolean; now: number; tab: 0 | -1 }): JSX.Element {
  const app = useApp();
  const draft = () => (props.here ? "" : app.drafts.text(props.chat.roomId).trim());
  const last = () => props.chat.lastMessage;
  const invited = () => props.chat.state === "invited";
  const time = () => listTime(props.chat.lastActivityAt, props.now);
  return (
    <a
      class="row"
      classList={{ unread: props.chat.unread > 0 || invited() }}
      href={routePath(room(props.chat.roomId))}
      tabIndex={props.tab}
      data-row={props.chat.roomId}
      data-testid="chat-row"
      aria-current={props.here ? "page" : undefined}
    >
      <ChatAvatar chat={props.chat} />
      <span class="row-text">
        <span class="row-line">
          <span class="row-title" dir="auto">
            {titleOf(props.chat)}
          </span>
          <time class="row-time" title={fullDate(props.chat.lastActivityAt)}>
            {time()}
          </time>
        </span>
        <span class="row-line">
          <span class="row-preview" dir="auto">
            <Show when={draft() !== ""} fallback={previewOf(props.chat)}>
              <em class="draft-mark">{t.chats.draft}</em> {draft()}
            </Show>
          </span>
          <Switch fallback={<LastState of={last()} kind={props.chat.kind} />}>
            <Match when={invited()}>
              <span class="mark-pill">{t.chats.invitedMark}</span>
            </Match>
            <Match when={props.chat.unread > 0}>
              <Badge count={props.chat.unread} />
              <span class="hidden">{t.nav.unread(props.chat.unread)}</span>
            </Match>
          </Switch>
        </span>
      </span>
    </a>
  );
}

function LastState(props: { of: Room["lastMessage"]; kind: Room["kind"] }): JSX.Element {
  const state = () =>
    props.of?.mine && props.of.kind === "text" && props.kind !== "notes" ? props.of.state : null;
  return <Show when={state()}>{(now) => <StateIcon state={now()} forAll={props.kind === "group"} />}</Show>;
}

function HitRow(props: { hit: SearchHit; now: number; tab: 0 | -1 }): JSX.Element {
  const app = useApp();
  const message = () => props.hit.message;
  const chat = () => app.rooms.get(message().roomId);
  const sender = () => (message().mine ? t.chat.you : message().senderName);
  return (
    <a
      class="row"
      href={routePath(room(message().roomId, message().messageId))}
      tabIndex={props.tab}
      data-row={message().messageId}
      data-testid="search-hit"
    >
      <Show
        when={chat()?.kind === "group"}
        fallback={<Avatar name={props.hit.roomTitle} of={chat()?.peer?.account ?? message().roomId} />}
      >
        <RoomAvatar name={props.hit.roomTitle} of={message().roomId} />
      </Show>
      <span class="row-text">
        <span class="row-line">
          <span class="row-title" dir="auto">
            {props.hit.roomTitle}
          </span>
          <time class="row-time" title={fullDate(message().sentAt)}>
            {listTime(message().sentAt, props.now)}
          </time>
        </span>
        <span class="row-preview two" dir="auto">
          <Show when={chat()?.kind === "group"}>{t.chats.said(sender(), "")}</Show>
          <Snippet of={props.hit.snippet} />
        </span>
      </span>
    </a>
  );
}
