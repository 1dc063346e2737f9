/**
 * The messages of one conversation, virtualised. It keeps its place while history loads above, stays at the end while
 * it is at the end, and marks as read only what is on a screen that somebody looks at.
 */
import type { Message, Room } from "@fedchat/engine/interface";
import ArrowDown from "lucide-solid/icons/arrow-down";
import {
  batch,
  createComputed,
  createEffect,
  createMemo,
  createSignal,
  on,
  onCleanup,
  onMount,
  Show,
  untrack,
  type JSX,
} from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { Virtualizer, type VirtualizerHandle } from "virtua/solid";
import { pageMessages } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { CauseText, Spinner } from "../parts/Small.tsx";
import { messageOf } from "../router.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { rowsOf, type Row } from "../text/rows.ts";
import { titleOf } from "./ChatList.tsx";
import { RowView } from "./RowView.tsx";

export interface TimelineHandle {
  focusLast(): void;
  escape(): void;
  /** Also where what is shown ends before the newest message. */
  toEnd(): void;
}

interface TimelineViewProps {
  chat: Room;
  /** The message to show and to point at, where the route names one. */
  messageId: string | null;
  ref: (handle: TimelineHandle | null) => void;
  onReply: (message: Message) => void;
  onWrite: () => void;
}

/** So near to an edge, in pixels, counts as being there. */
const nearEnd = 64;
const nearTop = 600;

export function TimelineView(props: TimelineViewProps): JSX.Element {
  const app = useApp();
  const roomId = untrack(() => props.chat.roomId);
  const timeline = app.timeline(roomId);
  const [newFrom, setNewFrom] = createSignal<string | null>(untrack(() => props.chat.firstUnread));
  const [atEnd, setAtEnd] = createSignal(true);
  const [focused, setFocused] = createSignal<string | null>(null);
  const [pointed, setPointed] = createSignal<string | null>(null);
  const [looking, setLooking] = createSignal(document.hasFocus() && document.visibilityState === "visible");
  let list: VirtualizerHandle | undefined;
  let scroller!: HTMLDivElement;
  /** Whether new rows and a changed height should keep the end in view. */
  let stick = true;
  /** The first sight has been chosen; only from then on does scrolling mean something. */
  const [placed, setPlaced] = createSignal(false);

  const [rows, setRows] = createStore<{ all: Row[] }>({ all: [] });
  createComputed(
    on(
      [
        () => timeline.state.order,
        newFrom,
        () => props.chat.missing,
        () => timeline.state.more.before,
        () => timeline.state.more.after,
      ],
      () => {
        const { more, loaded } = timeline.state;
        const lines = {
          start: loaded && !more.before,
          newFrom: newFrom(),
          missing: more.after ? 0 : props.chat.missing,
        };
        setRows("all", reconcile(rowsOf(timeline.messages(), lines), { key: "key" }));
      },
    ),
  );
  const indexOf = (id: string) => rows.all.findIndex((row) => row.key === id);
  const focusedIndex = createMemo(() => {
    const id = focused();
    const at = id === null ? -1 : indexOf(id);
    return at < 0 ? [] : [at];
  });
  const lastMessage = createMemo(() => rows.all.findLast((row) => row.type === "message")?.key ?? null);
  const behind = () => !atEnd() || timeline.state.more.after;

  async function toEnd() {
    if (timeline.state.more.after) await timeline.loadLatest();
    stick = true;
    requestAnimationFrame(() => list?.scrollToIndex(rows.all.length - 1, { align: "end" }));
  }

  /** Shows one message in the middle and points at it for a moment. */
  async function toMessage(id: string) {
    stick = false;
    if (!timeline.state.byId[id] || !timeline.state.order.includes(id)) await timeline.loadAround(id);
    requestAnimationFrame(() => {
      const at = indexOf(id);
      if (at < 0) return;
      setPlaced(true);
      list?.scrollToIndex(at, { align: "center" });
      setPointed(id);
      setTimeout(() => setPointed((now) => (now === id ? null : now)), 2_000);
    });
  }

  function onScroll() {
    if (!list || !placed()) return;
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    const end = left < nearEnd;
    setAtEnd(end);
    stick = end && !timeline.state.more.after;
    if (scroller.scrollTop < nearTop) void timeline.loadBefore();
    if (left < nearTop) void timeline.loadAfter();
  }

  /** The first sight: at the line of new messages, else at the end. */
  async function open() {
    const target = untrack(() => props.messageId);
    if (target) return toMessage(target);
    const from = newFrom();
    if (timeline.state.loaded && timeline.state.more.after) await timeline.loadLatest();
    else if (!timeline.state.loaded) {
      if (from && props.chat.unread > pageMessages / 2) await timeline.loadAround(from);
      else await timeline.loadLatest();
    }
    requestAnimationFrame(() => {
      const line = rows.all.findIndex((row) => row.type === "new");
      if (line >= 0) {
        stick = false;
        list?.scrollToIndex(line, { align: "start", offset: -56 });
      } else list?.scrollToIndex(rows.all.length - 1, { align: "end" });
      requestAnimationFrame(() => {
        setPlaced(true);
        onScroll();
      });
    });
  }

  onMount(() => {
    void open();
    const watch = new ResizeObserver(() => {
      if (stick) list?.scrollToIndex(rows.all.length - 1, { align: "end" });
    });
    watch.observe(scroller);
    const look = () => setLooking(document.hasFocus() && document.visibilityState === "visible");
    addEventListener("focus", look);
    addEventListener("blur", look);
    document.addEventListener("visibilitychange", look);
    onCleanup(() => {
      watch.disconnect();
      removeEventListener("focus", look);
      removeEventListener("blur", look);
      document.removeEventListener("visibilitychange", look);
    });
  });
  createEffect(
    on(
      () => props.messageId,
      (id) => id && void toMessage(id),
      { defer: true },
    ),
  );

  createEffect(
    on(
      () => timeline.state.order.at(-1),
      (last) => {
        const message = last === undefined ? undefined : timeline.state.byId[last];
        if (message?.mine) stick = true;
        if (stick && placed())
          requestAnimationFrame(() => list?.scrollToIndex(rows.all.length - 1, { align: "end" }));
      },
      { defer: true },
    ),
  );

  // Unread messages that came while nobody looked get their line; it then stays where it is until the chat is left.
  createEffect(
    on(
      () => props.chat.firstUnread,
      (first) => {
        if (first && !looking()) setNewFrom(first);
      },
      { defer: true },
    ),
  );
  createEffect(() => {
    const newest = timeline.state.order.at(-1);
    // Whoever has not joined yet tells nobody what they have seen.
    if (props.chat.state === "invited") return;
    if (newest && looking() && atEnd() && placed() && !timeline.state.more.after && props.chat.unread > 0)
      markRead(newest);
  });

  function markRead(messageId: string) {
    app.call("messages.markRead", { roomId, messageId }).catch(() => {
      /* unread stays unread; the next look marks it */
    });
  }

  props.ref({
    focusLast() {
      const last = lastMessage();
      if (last) focusRow(last);
    },
    escape() {
      batch(() => {
        setNewFrom(null);
        void toEnd();
      });
      const newest = timeline.state.order.at(-1);
      if (newest && props.chat.unread > 0) markRead(newest);
    },
    toEnd: () => void toEnd(),
  });
  onCleanup(() => props.ref(null));

  function focusRow(key: string) {
    setFocused(key);
    const at = indexOf(key);
    if (at < 0) return;
    list?.scrollToIndex(at, { align: "nearest" });
    requestAnimationFrame(() =>
      scroller.querySelector<HTMLElement>(`[data-message="${key}"]`)?.focus({ preventScroll: true }),
    );
  }

  function onKey(event: KeyboardEvent) {
    const key = (event.target as Element).closest<HTMLElement>("[data-message]")?.dataset["message"];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    const ids = rows.all.flatMap((row) => (row.type === "message" ? row.key : []));
    const at = ids.indexOf(key);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: ids.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to >= ids.length) return props.onWrite();
    const next = ids[Math.max(0, to)];
    if (next) focusRow(next);
  }

  const logName = () =>
    ({ notes: t.chat.notesLog, pair: t.chat.log(props.chat.title), group: t.chat.roomLog(props.chat.title) })[
      props.chat.kind
    ];

  return (
    <div class="timeline">
      <div
        ref={scroller}
        class="timeline-scroll"
        role="log"
        aria-live="polite"
        aria-relevant="additions"
        aria-label={logName()}
        aria-busy={timeline.state.loading !== null}
        data-testid="timeline"
        tabIndex={rows.all.some((row) => row.type === "message") ? undefined : 0}
        onScroll={onScroll}
        onKeyDown={onKey}
        onFocusIn={(event) => {
          const message = event.target.closest<HTMLElement>("[data-message]");
          if (message) setFocused(message.dataset["message"] ?? null);
        }}
      >
        <div class="timeline-push" />
        <Virtualizer
          ref={(handle) => {
            list = handle;
          }}
          data={rows.all}
          scrollRef={scroller}
          shift={timeline.state.growingUp}
          keepMounted={focusedIndex()}
          bufferSize={400}
        >
          {(row) => (
            <RowView
              row={row}
              chat={props.chat}
              timeline={timeline}
              tabStop={(focused() ?? lastMessage()) === row.key}
              pointed={pointed() === row.key}
              onReply={props.onReply}
              onJump={(id) => void toMessage(id)}
            />
          )}
        </Virtualizer>
      </div>
      <Show when={timeline.state.loading === "before"}>
        <p class="timeline-busy">
          <Spinner /> {t.chat.loadingBefore}
        </p>
      </Show>
      <Show when={timeline.state.cause}>
        {(cause) => (
          <div class="timeline-cause">
            <CauseText cause={cause()}>
              <Button onClick={() => void timeline.refresh()}>{t.common.retry}</Button>
            </CauseText>
          </div>
        )}
      </Show>
      <Show when={behind() && timeline.state.loaded && rows.all.length > 0}>
        <button
          type="button"
          class="jump"
          data-testid="jump-to-latest"
          onClick={() => {
            if (props.messageId) app.place.go(messageOf(app.place.route(), roomId, null), "replace");
            void toEnd();
          }}
        >
          <ArrowDown size={16} /> {t.chat.jump(props.chat.unread)}
        </button>
      </Show>
      <h2 class="hidden">{titleOf(props.chat)}</h2>
    </div>
  );
}
