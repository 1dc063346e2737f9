/** One conversation: header, timeline, composer, and beside them the detail panel. Also all of a pop-out window. */
import type { Message, Room } from "@fedchat/engine/interface";
import ArrowLeft from "lucide-solid/icons/arrow-left";
import ExternalLink from "lucide-solid/icons/external-link";
import MessageCircleX from "lucide-solid/icons/message-circle-x";
import PanelRight from "lucide-solid/icons/panel-right";
import Search from "lucide-solid/icons/search";
import { createEffect, createSignal, Match, on, onCleanup, Show, Switch, untrack, type JSX } from "solid-js";
import { IconButton } from "../parts/Button.tsx";
import { ChatAvatar } from "../parts/RoomAvatar.tsx";
import { CauseText, Empty } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { detail, overlay, setDetail } from "../state/panel.ts";
import { t } from "../strings.ts";
import { titleOf } from "./ChatList.tsx";
import { routePath } from "../router.ts";
import { Composer } from "./Composer.tsx";
import { DetailPanel } from "./DetailPanel.tsx";
import { KeyChange } from "./KeyChange.tsx";
import { RoomInvitation } from "./RoomInvitation.tsx";
import { TimelineView, type TimelineHandle } from "./TimelineView.tsx";

interface ConversationProps {
  roomId: string;
  messageId: string | null;
  /** In a window of its own: no way back to a list, and no further pop-out. */
  alone?: boolean;
}

export function Conversation(props: ConversationProps): JSX.Element {
  const app = useApp();
  const chat = () => app.rooms.get(props.roomId);
  return (
    <Show
      when={chat()}
      fallback={<Empty icon={MessageCircleX} title={t.chat.notFound} text={t.chat.notFoundBody} />}
    >
      {(known) => <Open {...props} chat={known()} />}
    </Show>
  );
}

function Open(props: ConversationProps & { chat: Room }): JSX.Element {
  const app = useApp();
  const [replyTo, setReplyTo] = createSignal<Message | null>(null);
  const [composer, setComposer] = createSignal<{ focus(): void } | null>(null);
  const closed = () => (props.chat.kind === "group" ? t.rooms.left : t.chat.closed);
  const [timeline, setTimeline] = createSignal<TimelineHandle | null>(null);
  createEffect(
    on(
      () => props.roomId,
      () => setReplyTo(null),
    ),
  );
  // Before one joined there is mostly nothing to read, and the question stands in its place.
  const history = app.timeline(untrack(() => props.roomId));
  const invited = () => props.chat.state === "invited";
  const hasWords = () => !invited() || history.messages().some((message) => message.kind === "text");
  createEffect(() => {
    if (invited() && !history.state.loaded) void untrack(() => history.loadLatest());
  });
  onCleanup(() => {
    if (detail()?.show === "xray" || detail()?.show === "person") setDetail(null);
  });

  /** Escape cancels the reply, else marks as read and goes down; whatever is open above takes it first. */
  function onKey(event: KeyboardEvent) {
    if (event.key !== "Escape" || event.defaultPrevented || detail() || overlay()) return;
    if (document.querySelector("[role=menu]")) return;
    event.preventDefault();
    if (replyTo()) setReplyTo(null);
    else timeline()?.escape();
    composer()?.focus();
  }
  addEventListener("keydown", onKey);
  onCleanup(() => removeEventListener("keydown", onKey));

  return (
    <div class="conversation" data-testid="conversation" data-room={props.roomId}>
      <div class="conversation-column">
        <Head chat={props.chat} alone={props.alone ?? false} />
        <Show when={hasWords()}>
          <TimelineView
            chat={props.chat}
            messageId={props.messageId}
            ref={setTimeline}
            onReply={(message) => {
              setReplyTo(message);
              composer()?.focus();
            }}
            onWrite={() => composer()?.focus()}
          />
        </Show>
        <KeyChange chat={props.chat} />
        <Switch>
          <Match when={props.chat.state === "open" && !props.chat.cause}>
            <Composer
              chat={props.chat}
              ref={setComposer}
              replyTo={replyTo()}
              onReplyDone={() => setReplyTo(null)}
              onSent={() => timeline()?.toEnd()}
              onUp={() => timeline()?.focusLast()}
            />
          </Match>
          <Match when={props.chat.state === "invited"}>
            <RoomInvitation chat={props.chat} alone={!hasWords()} />
          </Match>
          <Match when={props.chat.cause || props.chat.state === "closed" || props.chat.state === "broken"}>
            <div class="composer-closed" data-testid="composer-closed">
              <Show
                when={props.chat.cause}
                fallback={<p>{props.chat.state === "broken" ? t.chat.broken : closed()}</p>}
              >
                {(cause) => <CauseText cause={cause()} />}
              </Show>
            </div>
          </Match>
        </Switch>
      </div>
      <Show when={detail()}>
        {(shown) => <DetailPanel chat={props.chat} detail={shown()} onClose={() => setDetail(null)} />}
      </Show>
    </div>
  );

  function Head(head: { chat: Room; alone: boolean }): JSX.Element {
    const peer = () => {
      const account = head.chat.peer?.account;
      return account === undefined ? null : (app.people.get(account) ?? head.chat.peer);
    };
    const subtitle = () => {
      const group = head.chat.group;
      if (!group) return t.chat.notesAddress;
      if (isOut()) return t.rooms.out;
      const people = t.rooms.count(group.people);
      return group.underway.length === 0 ? people : t.rooms.underway(people, group.underway);
    };
    const isOut = () => head.chat.state === "closed" || head.chat.state === "broken";
    const isAbout = () => detail()?.show === "about" || detail()?.show === "person";
    return (
      <header class="chat-head">
        <Show when={!head.alone}>
          <IconButton
            class="only-narrow"
            label={t.chat.back}
            icon={ArrowLeft}
            testid="back"
            onClick={() => app.place.go({ at: "chats" })}
          />
        </Show>
        <button
          type="button"
          class="chat-who"
          aria-expanded={isAbout()}
          onClick={() => setDetail(isAbout() ? null : { show: "about" })}
        >
          <ChatAvatar chat={head.chat} />
          <span class="chat-who-text">
            <strong dir="auto">{titleOf(head.chat)}</strong>
            <span class="muted">
              <Show when={peer()} fallback={<span data-testid="chat-people">{subtitle()}</span>}>
                {(known) => (
                  <>
                    <Show when={known().presence !== "unknown"}>
                      <span data-testid="presence">{t.people.presence[known().presence]}</span>
                      {" · "}
                    </Show>
                    {known().address}
                  </>
                )}
              </Show>
            </span>
          </span>
        </button>
        <div class="chat-tools">
          <IconButton
            label={t.chat.search}
            icon={Search}
            keys="Ctrl Shift F"
            testid="chat-search"
            pressed={detail()?.show === "search"}
            onClick={() => setDetail(detail()?.show === "search" ? null : { show: "search" })}
          />
          <Show when={!head.alone}>
            <IconButton
              class="not-narrow"
              label={t.chat.popOut}
              icon={ExternalLink}
              testid="pop-out"
              onClick={() => popOut(head.chat.roomId)}
            />
          </Show>
          <IconButton
            label={t.chat.about}
            icon={PanelRight}
            testid="details"
            pressed={isAbout()}
            onClick={() => setDetail(isAbout() ? null : { show: "about" })}
          />
        </div>
      </header>
    );
  }
}

/** One window a conversation: asking again brings the same one forward. */
export function popOut(roomId: string) {
  const opened = window.open(
    routePath({ at: "window", roomId, messageId: null }),
    `fedchat-${roomId}`,
    "popup,width=480,height=720",
  );
  opened?.focus();
}
