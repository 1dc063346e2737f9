/**
 * Where one writes. Enter sends, Shift+Enter breaks the line, the field grows to two fifths of the height. Invariant: a
 * text leaves the field only for the engine; if that fails it comes back, and sending it again keeps its client id, so
 * that an answer lost on the way cannot send it twice.
 */
import type { Message, Room } from "@fedchat/engine/interface";
import Hourglass from "lucide-solid/icons/hourglass";
import SendHorizontal from "lucide-solid/icons/send-horizontal";
import X from "lucide-solid/icons/x";
import { createEffect, createSignal, on, onCleanup, onMount, Show, untrack, type JSX } from "solid-js";
import { textMax } from "../limits.ts";
import { IconButton } from "../parts/Button.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { setDetail } from "../state/panel.ts";
import { t } from "../strings.ts";
import { lastingWords } from "../text/expiry.ts";
import { titleOf } from "./ChatList.tsx";

interface ComposerProps {
  chat: Room;
  ref: (handle: { focus(): void } | null) => void;
  replyTo: Message | null;
  onReplyDone: () => void;
  onSent: () => void;
  /** The arrow up in an empty field. */
  onUp: () => void;
}

interface Attempt {
  clientId: string;
  text: string;
  inReplyTo: string | null;
}

export function Composer(props: ComposerProps): JSX.Element {
  const app = useApp();
  const roomId = () => props.chat.roomId;
  const text = () => app.drafts.text(roomId());
  const connected = () => app.connection().state === "open";
  const over = () => Math.max(0, text().length - textMax);
  const [problem, setProblem] = createSignal<string | null>(null);
  let field!: HTMLTextAreaElement;
  let failed: Attempt | null = null;

  function grow() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }
  // Nothing of what expired is shown on, nor answered.
  createEffect(() => {
    if (props.replyTo !== null && app.isGone(props.replyTo.messageId)) props.onReplyDone();
  });
  createEffect(on(text, () => queueMicrotask(grow)));
  onMount(() => {
    if (matchMedia("(pointer: fine)").matches) field.focus({ preventScroll: true });
    const watch = new ResizeObserver(() => requestAnimationFrame(grow));
    watch.observe(field.parentElement!);
    onCleanup(() => watch.disconnect());
  });
  untrack(() => props.ref)({ focus: () => field.focus() });
  onCleanup(() => props.ref(null));

  async function send() {
    const words = text().trim();
    if (words === "" || over() > 0 || !connected()) return;
    const room = roomId();
    const inReplyTo = props.replyTo?.messageId ?? null;
    const again = failed?.text === words && failed.inReplyTo === inReplyTo ? failed : null;
    const attempt = again ?? { clientId: freshId(), text: words, inReplyTo };
    setProblem(null);
    app.drafts.done(room);
    props.onReplyDone();
    try {
      const message = await app.call("messages.send", {
        roomId: room,
        text: words,
        clientId: attempt.clientId,
        ...(inReplyTo ? { inReplyTo } : {}),
      });
      app.timeline(room).arrive(message);
      props.onSent();
      failed = null;
    } catch (error) {
      failed = attempt;
      const { sentence, fix } = causeOf(error);
      setProblem(fix === null ? sentence : `${sentence} ${fix}`);
      const since = app.drafts.text(room);
      app.drafts.type(room, since === "" ? words : `${words}\n${since}`);
    }
  }

  function onKey(event: KeyboardEvent) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !coarse()) {
      event.preventDefault();
      void send();
    } else if (event.key === "ArrowUp" && text() === "" && !event.altKey && !event.ctrlKey) {
      event.preventDefault();
      props.onUp();
    }
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
        field.focus();
      }}
    >
      <Show when={props.replyTo}>
        {(message) => (
          <div class="reply-bar" data-testid="reply-bar">
            <div>
              <span class="quote-who">
                {t.composer.replying(message().mine ? t.chat.you : message().senderName)}
              </span>
              <span class="quote-text">{message().text}</span>
            </div>
            <IconButton class="small" label={t.composer.stopReply} icon={X} onClick={props.onReplyDone} />
          </div>
        )}
      </Show>
      <div class="composer-line">
        <Show when={props.chat.expireAfterReadingMs}>
          {(ms) => (
            <IconButton
              class="small"
              label={t.expiry.composer(lastingWords(ms()))}
              icon={Hourglass}
              testid="composer-expiry"
              onClick={() => setDetail({ show: "about" })}
            />
          )}
        </Show>
        <textarea
          ref={field}
          rows={1}
          value={text()}
          dir="auto"
          data-testid="composer"
          placeholder={props.chat.kind === "notes" ? t.composer.notesPlaceholder : t.composer.placeholder}
          aria-label={t.composer.label(titleOf(props.chat))}
          aria-describedby="composer-why"
          onInput={(event) => app.drafts.type(roomId(), event.currentTarget.value)}
          onKeyDown={onKey}
        />
        <button
          type="submit"
          class="send"
          aria-label={t.composer.send}
          data-testid="send"
          disabled={text().trim() === "" || over() > 0 || !connected()}
        >
          <SendHorizontal size={20} />
        </button>
      </div>
      <p id="composer-why" class="composer-why" role="status">
        <Show when={connected()} fallback={t.composer.offline}>
          <Show when={over() > 0} fallback={problem() ? `${t.composer.kept} ${problem()}` : ""}>
            {t.composer.tooLong(over())}
          </Show>
        </Show>
      </p>
    </form>
  );
}

/** On a touch keyboard Enter is the only way to a new line, so there the button sends. */
const coarse = () => matchMedia("(pointer: coarse)").matches && !matchMedia("(any-pointer: fine)").matches;

/** `crypto.randomUUID` is missing on pages without TLS; random bytes are not. */
function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
