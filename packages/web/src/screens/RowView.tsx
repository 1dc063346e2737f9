/** One row of a timeline: a day, the line of new messages, a notice, or a bubble. */
import type { Message, Room } from "@fedchat/engine/interface";
import CornerUpLeft from "lucide-solid/icons/corner-up-left";
import CopyIcon from "lucide-solid/icons/copy";
import Ellipsis from "lucide-solid/icons/ellipsis";
import Hourglass from "lucide-solid/icons/hourglass";
import MailQuestionMark from "lucide-solid/icons/mail-question-mark";
import RotateCw from "lucide-solid/icons/rotate-cw";
import Route from "lucide-solid/icons/route";
import TriangleAlert from "lucide-solid/icons/triangle-alert";
import UserRound from "lucide-solid/icons/user-round";
import { createResource, For, Match, Show, Switch, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { IconButton } from "../parts/Button.tsx";
import { copyText } from "../parts/copy.ts";
import { Menu, type MenuItem } from "../parts/Menu.tsx";
import { StateIcon, stateWords } from "../parts/StateIcon.tsx";
import { useApp } from "../state/context.ts";
import { setDetail } from "../state/panel.ts";
import type { Timeline } from "../state/timeline.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { goesWords } from "../text/expiry.ts";
import { textParts } from "../text/links.ts";
import { hueOf } from "../text/names.ts";
import { shownAt, type Row } from "../text/rows.ts";
import { clock, dayAndClock, dayName, fullDate } from "../text/time.ts";

interface RowViewProps {
  row: Row;
  chat: Room;
  timeline: Timeline;
  tabStop: boolean;
  pointed: boolean;
  onReply: (message: Message) => void;
  onJump: (messageId: string) => void;
}

export function RowView(props: RowViewProps): JSX.Element {
  const message = () => {
    const row = props.row;
    return row.type === "message" || row.type === "notice" ? props.timeline.state.byId[row.id] : undefined;
  };
  const day = () => (props.row.type === "day" ? props.row.at : null);
  const start = () =>
    ({
      notes: t.chat.startNotes,
      pair: t.chat.startPair(props.chat.title),
      group: t.chat.startRoom(props.chat.title),
    })[props.chat.kind];
  return (
    <Switch>
      <Match when={props.row.type === "message" && message()}>
        {(known) => <Bubble {...props} message={known()} />}
      </Match>
      <Match when={day()}>
        {(at) => (
          <div class="day-line" role="separator" aria-label={dayName(at(), Date.now())}>
            <time title={fullDate(at())}>{dayName(at(), Date.now())}</time>
          </div>
        )}
      </Match>
      <Match when={props.row.type === "new"}>
        <div class="new-line" role="separator" aria-label={t.chat.newMessages} data-testid="new-messages">
          <span>{t.chat.newMessages}</span>
        </div>
      </Match>
      <Match when={props.row.type === "notice" && message()}>
        {(known) => (
          <p class="room-notice" title={fullDate(shownAt(known()))}>
            {known().text}
          </p>
        )}
      </Match>
      <Match when={props.row.type === "missing"}>
        <div class="room-missing" role="status" data-testid="missing">
          <For each={props.chat.gaps}>
            {(gap) => (
              <p>
                <TriangleAlert size={15} /> {t.chat.missing(gap.count, gap.name)} {gap.sentence}
              </p>
            )}
          </For>
        </div>
      </Match>
      <Match when={props.row.type === "start"}>
        <p class="room-start">{start()}</p>
      </Match>
    </Switch>
  );
}

function Bubble(props: RowViewProps & { message: Message }): JSX.Element {
  const app = useApp();
  const shape = () => (props.row.type === "message" ? props.row : null);
  const message = () => props.message;
  const at = () => shownAt(message());
  const time = () => (shape()?.late ? dayAndClock(at()) : clock(at()));
  const notes = () => props.chat.kind === "notes";
  const state = () => (notes() && message().state !== "failed" ? null : message().state);
  const stateSaid = () => (state() ? stateWords(state()!, props.chat.kind === "group") : "");
  const who = () => (message().mine ? t.chat.you : message().senderName);
  const named = () => props.chat.kind === "group" && !message().mine;
  const whoIs = () => setDetail({ show: "person", account: message().sender, name: message().senderName });

  async function copy() {
    if (await copyText(message().text)) say({ level: "done", text: t.common.copied });
  }
  const retry = () => void app.ask("messages.retry", { messageId: message().messageId });
  const xray = () => setDetail({ show: "xray", messageId: message().messageId });

  const items = (): MenuItem[] => [
    { label: t.chat.reply, icon: CornerUpLeft, run: () => props.onReply(message()), testid: "menu-reply" },
    { label: t.chat.copyText, icon: CopyIcon, run: () => void copy(), testid: "menu-copy" },
    { label: t.chat.xray, icon: Route, run: xray, testid: "menu-xray" },
    ...(named() ? [{ label: t.chat.whoIsThis, icon: UserRound, run: whoIs, testid: "menu-who" }] : []),
    ...(message().mine
      ? []
      : [
          {
            label: t.chat.unreadFrom,
            icon: MailQuestionMark,
            testid: "menu-unread",
            run: () =>
              void app.ask("messages.markUnread", {
                roomId: message().roomId,
                messageId: message().messageId,
              }),
          },
        ]),
  ];

  function onKey(event: KeyboardEvent & { currentTarget: HTMLElement }) {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const run = { q: () => props.onReply(message()), c: () => void copy(), x: xray }[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  }

  return (
    <div
      class="bubble-row"
      classList={{
        mine: message().mine,
        named: named(),
        head: shape()?.head ?? false,
        tail: shape()?.tail ?? false,
        pointed: props.pointed,
      }}
      role="article"
      tabIndex={props.tabStop ? 0 : -1}
      data-message={message().messageId}
      data-testid="message"
      data-state={message().state ?? "theirs"}
      data-mine={message().mine}
      aria-label={t.chat.label(who(), time(), message().text, stateSaid())}
      onKeyDown={onKey}
    >
      <div class="bubble-box">
        <Show when={named() && shape()?.tail}>
          <span class="bubble-face">
            <Avatar size="small" name={message().senderName} of={message().sender} />
          </span>
        </Show>
        <div class="bubble">
          <Show when={named() && shape()?.head}>
            <button
              type="button"
              class="sender"
              dir="auto"
              data-hue={hueOf(message().sender)}
              data-testid="sender"
              tabIndex={props.tabStop ? 0 : -1}
              aria-label={t.chat.whoIs(message().senderName)}
              onClick={whoIs}
            >
              {message().senderName}
            </button>
          </Show>
          <Show when={message().inReplyTo}>
            {(id) => <Quote id={id()} chat={props.chat} timeline={props.timeline} onJump={props.onJump} />}
          </Show>
          <p class="bubble-text" dir="auto" data-testid="message-text">
            <For each={textParts(message().text)}>
              {(part) => (
                <Show when={part.href} fallback={part.text}>
                  {(href) => (
                    <a
                      href={href()}
                      target="_blank"
                      rel="noopener noreferrer"
                      tabIndex={props.tabStop ? 0 : -1}
                    >
                      {part.text}
                    </a>
                  )}
                </Show>
              )}
            </For>
            <span class="bubble-meta" classList={{ quiet: !shape()?.tail }}>
              <Show when={message().expires}>
                {(expires) => (
                  <span
                    class="hourglass"
                    role="img"
                    title={goesWords(expires())}
                    aria-label={goesWords(expires())}
                  >
                    <Hourglass size={12} />
                  </span>
                )}
              </Show>
              <time title={fullDate(at())}>{time()}</time>
              <Show when={state()}>
                {(now) => <StateIcon state={now()} forAll={props.chat.kind === "group"} />}
              </Show>
            </span>
          </p>
        </div>
        <div class="bubble-tools">
          <IconButton
            class="small"
            label={t.chat.reply}
            icon={CornerUpLeft}
            keys="Q"
            onClick={() => props.onReply(message())}
          />
          <Menu class="small" label={t.chat.actions} icon={Ellipsis} items={items()} />
        </div>
      </div>
      <Show when={message().state === "failed" || (message().mine && message().cause)}>
        <p class="bubble-cause" classList={{ failed: message().state === "failed" }}>
          <span>
            {message().cause?.sentence ?? t.chat.states.failed} {message().cause?.fix}
          </span>
          <Show when={message().state === "failed" && message().cause?.code !== "written-apart"}>
            <button type="button" class="link-button" data-testid="retry" onClick={retry}>
              <RotateCw size={14} /> {t.common.retry}
            </button>
          </Show>
        </p>
      </Show>
    </div>
  );
}

/** What a message answers: its words where they are at hand, else fetched once. */
function Quote(props: {
  id: string;
  chat: Room;
  timeline: Timeline;
  onJump: (id: string) => void;
}): JSX.Element {
  const app = useApp();
  const near = () => props.timeline.state.byId[props.id];
  const [fetched] = createResource(
    () => (near() ? null : props.id),
    async (id) => {
      const page = await app
        .call("messages.list", { roomId: props.timeline.roomId, around: id, limit: 1 })
        .catch(() => null);
      return page?.messages.find((message) => message.messageId === id) ?? null;
    },
  );
  const quoted = () => (app.isGone(props.id) ? null : (near() ?? fetched()));
  const hue = () => {
    const message = quoted();
    return props.chat.kind === "group" && message && !message.mine ? hueOf(message.sender) : undefined;
  };
  return (
    <button
      type="button"
      class="quote"
      data-hue={hue()}
      tabIndex={-1}
      title={t.chat.goTo}
      onClick={() => props.onJump(props.id)}
    >
      <Show when={quoted()} fallback={<span class="quote-text">{t.chat.earlier}</span>}>
        {(message) => (
          <>
            <span class="quote-who">{message().mine ? t.chat.you : message().senderName}</span>
            <span class="quote-text" dir="auto">
              {message().text}
            </span>
          </>
        )}
      </Show>
    </button>
  );
}
