/** In a conversation's details: how long one's own messages there stay once they were read. */
import type { Room } from "@fedchat/engine/interface";
import { For, type JSX } from "solid-js";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { lastingWords, offeredMs } from "../text/expiry.ts";

export function Disappearing(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const now = () => props.chat.expireAfterReadingMs;
  const offered = (): number[] => {
    const set = now();
    const all: number[] = [...offeredMs];
    return set === null || all.includes(set) ? all : [...all, set].toSorted((a, b) => a - b);
  };
  const said = () => String(now() ?? "");
  async function choose(select: HTMLSelectElement) {
    const afterReadingMs = select.value === "" ? null : Number(select.value);
    const changed = await app.ask("rooms.setExpiry", { roomId: props.chat.roomId, afterReadingMs });
    if (changed) app.rooms.put(changed);
    else select.value = said();
  }
  return (
    <section class="block">
      <div class="field">
        <label for="chat-expiry">{t.expiry.title}</label>
        <select
          id="chat-expiry"
          aria-describedby="chat-expiry-hint"
          data-testid="chat-expiry"
          onChange={(event) => void choose(event.currentTarget)}
        >
          <option value="" selected={now() === null}>
            {t.expiry.never}
          </option>
          <For each={offered()}>
            {(ms) => (
              <option value={String(ms)} selected={now() === ms}>
                {t.expiry.after(lastingWords(ms))}
              </option>
            )}
          </For>
        </select>
        <p id="chat-expiry-hint" class="muted small">
          {props.chat.kind === "notes" ? t.expiry.notesHint : t.expiry.hint}
        </p>
      </div>
    </section>
  );
}
