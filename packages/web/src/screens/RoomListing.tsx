/** An owner lets others see the room in the lists of linked servers, with a sentence about it. */
import type { Room } from "@fedchat/engine/interface";
import { createEffect, createSignal, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

export function RoomListing(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const listing = () => props.chat.group?.listing ?? null;
  const [text, setText] = createSignal("");
  createEffect(() => setText(listing() ?? ""));
  async function set(description: string | null) {
    const changed = await app.ask("rooms.setListing", { roomId: props.chat.roomId, description });
    if (!changed) return;
    app.rooms.put(changed);
    say({ level: "done", text: description === null ? t.listed.hidden : t.listed.shown });
  }
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void set(text().trim());
      }}
    >
      <Field
        label={t.listed.describe}
        hint={listing() === null ? t.listed.hint : t.listed.isShown}
        value={text()}
        onType={setText}
        maxLength={200}
        wide
        testid="room-description"
      />
      <div class="actions">
        <Button type="submit" disabled={listing() !== null && text().trim() === listing()} testid="list-room">
          {listing() === null ? t.listed.show : t.common.save}
        </Button>
        {listing() !== null && (
          <Button look="quiet" testid="unlist-room" onClick={() => void set(null)}>
            {t.listed.hide}
          </Button>
        )}
      </div>
    </form>
  );
}
