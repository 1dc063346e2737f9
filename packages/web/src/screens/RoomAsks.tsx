/**
 * Who asks to be let into rooms here, and where one asked oneself. Of those who ask nothing is shown but name, server and
 * fingerprint.
 */
import type { RoomAsk } from "@fedchat/engine/interface";
import { For, Show, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { Button } from "../parts/Button.tsx";
import { CauseText, Fingerprint } from "../parts/Small.tsx";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago, fullDate } from "../text/time.ts";
import { InsteadOf } from "./KeyChange.tsx";

/** @param props.roomId only those of this room; absent: all, and our own */
export function RoomAsks(props: { roomId?: string }): JSX.Element {
  const app = useApp();
  const open = (direction: RoomAsk["direction"]) =>
    app.asks
      .all()
      .filter((ask) => ask.direction === direction && ask.state === "pending")
      .filter((ask) => props.roomId === undefined || ask.roomId === props.roomId)
      .toSorted((a, b) => b.createdAt - a.createdAt);
  return (
    <>
      <Show when={open("incoming").length > 0}>
        <section class="block asks" data-testid="room-asks">
          <h2 class={props.roomId === undefined ? "list-heading" : "asks-heading"}>{t.roomLinks.asking}</h2>
          <ul>
            <For each={open("incoming")}>
              {(ask) => <Asking ask={ask} withRoom={props.roomId === undefined} />}
            </For>
          </ul>
        </section>
      </Show>
      <Show when={props.roomId === undefined && open("outgoing").length > 0}>
        <section class="block asks" data-testid="own-asks">
          <h2 class="list-heading">{t.roomLinks.asked}</h2>
          <ul>
            <For each={open("outgoing")}>{(ask) => <Asked ask={ask} />}</For>
          </ul>
        </section>
      </Show>
    </>
  );
}

function Asking(props: { ask: RoomAsk; withRoom: boolean }): JSX.Element {
  const app = useApp();
  const now = createClock(everyHalfMinute);
  async function answer(method: "rooms.admit" | "rooms.declineAsk") {
    const answered = await app.ask(method, { askId: props.ask.askId });
    if (!answered) return;
    app.asks.put(answered);
    const { displayName } = answered;
    say({
      level: "done",
      text: method === "rooms.admit" ? t.roomLinks.letIn(displayName) : t.roomLinks.declined,
    });
  }
  return (
    <li data-testid="room-ask" data-name={props.ask.displayName}>
      <div class="who-line">
        <Avatar name={props.ask.displayName} of={props.ask.account} />
        <div>
          <strong dir="auto">{props.ask.displayName}</strong>
          <span class="muted">
            {props.ask.address} ·{" "}
            <time title={fullDate(props.ask.createdAt)}>{ago(props.ask.createdAt, now())}</time>
          </span>
        </div>
      </div>
      <Show when={props.withRoom}>
        <p class="muted">{t.roomLinks.into(props.ask.roomName)}</p>
      </Show>
      <p class="small">
        <Fingerprint of={props.ask.account} />
      </p>
      <InsteadOf name={props.ask.insteadOf} account={props.ask.account} />
      <div class="actions">
        <Button look="primary" testid="admit" onClick={() => void answer("rooms.admit")}>
          {t.roomLinks.admit}
        </Button>
        <Button testid="decline-ask" onClick={() => void answer("rooms.declineAsk")}>
          {t.roomLinks.decline}
        </Button>
      </div>
    </li>
  );
}

function Asked(props: { ask: RoomAsk }): JSX.Element {
  const app = useApp();
  async function withdraw() {
    const taken = await app.ask("rooms.withdrawAsk", { askId: props.ask.askId });
    if (taken) app.asks.put(taken);
  }
  return (
    <li data-testid="own-ask">
      <strong dir="auto">{props.ask.roomName || t.roomLinks.nameless}</strong>
      <p class="muted small">{t.roomLinks.waits(props.ask.displayName)}</p>
      <Show when={props.ask.cause}>{(cause) => <CauseText cause={cause()} />}</Show>
      <div class="actions">
        <Button onClick={() => void withdraw()}>{t.roomLinks.withdraw}</Button>
      </div>
    </li>
  );
}
