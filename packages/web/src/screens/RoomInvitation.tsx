/** A room that somebody took us into: who did, which room, how many people, and the way in or out. */
import type { Room } from "@fedchat/engine/interface";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { RoomAvatar } from "../parts/RoomAvatar.tsx";
import { room } from "../router.ts";
import { useApp } from "../state/context.ts";
import { createRoomPeople } from "../state/room-people.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

/**
 * In the conversation, where the composer will stand.
 * @param props.alone nothing was written yet: it has the whole place
 */
export function RoomInvitation(props: { chat: Room; alone: boolean }): JSX.Element {
  return (
    <div class="room-invitation" classList={{ alone: props.alone }}>
      <Show when={props.alone}>
        <h2 class="hidden">{props.chat.title}</h2>
      </Show>
      <section class="card" aria-label={invitationTitle(props.chat)} data-testid="room-invitation">
        <InvitationBody chat={props.chat} large />
        <InvitationActions chat={props.chat} />
      </section>
    </div>
  );
}

export const invitationTitle = (chat: Room): string =>
  chat.group?.invitedBy ? t.rooms.invited.by(chat.group.invitedBy) : t.rooms.invited.bySomebody;

export function InvitationBody(props: { chat: Room; large?: boolean }): JSX.Element {
  const app = useApp();
  const people = createRoomPeople(app, () => props.chat.roomId);
  const others = () => (people.all() ?? []).filter(({ self }) => !self);
  return (
    <>
      <p class="muted">{invitationTitle(props.chat)}</p>
      <div class="who-line">
        <RoomAvatar name={props.chat.title} of={props.chat.roomId} size="large" />
        <div>
          <strong dir="auto">{props.chat.title}</strong>
          <span class="muted">{t.rooms.count(props.chat.group?.people ?? 0)}</span>
        </div>
      </div>
      <Show when={props.large && others().length > 0}>
        <p>{t.rooms.invited.among(others().map(({ person }) => person.displayName))}</p>
      </Show>
      <Show when={props.large}>
        <p class="muted small">{t.rooms.invited.quiet}</p>
      </Show>
    </>
  );
}

export function InvitationActions(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const [busy, setBusy] = createSignal(false);
  async function answer(method: "rooms.join" | "rooms.leave") {
    setBusy(true);
    const answered = await app.ask(method, { roomId: props.chat.roomId });
    setBusy(false);
    if (!answered) return;
    app.rooms.put(answered);
    if (method === "rooms.join") app.place.go(room(answered.roomId));
    else say({ level: "done", text: t.rooms.invited.declined });
  }
  return (
    <div class="actions">
      <Button look="primary" busy={busy()} testid="join-room" onClick={() => void answer("rooms.join")}>
        {busy() ? t.rooms.invited.joining : t.rooms.invited.join}
      </Button>
      <Button disabled={busy()} testid="decline-room" onClick={() => void answer("rooms.leave")}>
        {t.rooms.invited.decline}
      </Button>
    </div>
  );
}
