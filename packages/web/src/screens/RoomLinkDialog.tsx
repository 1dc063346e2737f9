/** Makes a link into a room, shows it as text and QR, and lists those that were made here. */
import type { Cause, Room, RoomLink } from "@fedchat/engine/interface";
import { createResource, createSignal, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Field } from "../parts/Field.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Qr } from "../parts/Qr.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago, fullDate } from "../text/time.ts";

const day = 86_400_000;
const lifetimes = [
  { ms: day, name: t.invite.day },
  { ms: 7 * day, name: t.invite.week },
  { ms: 30 * day, name: t.invite.month },
  { ms: 365 * day, name: t.roomLinks.year },
] as const;
const uses = [null, 1, 5, 25] as const;

export function RoomLinkDialog(props: { chat: Room; onClose: () => void }): JSX.Element {
  const app = useApp();
  const [links, { refetch }] = createResource(() =>
    app.call("rooms.links", { roomId: props.chat.roomId }).catch(() => []),
  );
  const [shown, setShown] = createSignal<RoomLink | null>(null);
  const [label, setLabel] = createSignal("");
  const [lifetime, setLifetime] = createSignal<number>(7 * day);
  const [times, setTimes] = createSignal<number | null>(null);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const works = () =>
    props.chat.group?.joining === "open" ? t.roomLinks.leadOpen : t.roomLinks.leadApproval;

  async function make(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      const named = label().trim();
      const bounded = times();
      const made = await app.call("rooms.createLink", {
        roomId: props.chat.roomId,
        expiresInMs: lifetime(),
        ...(named === "" ? {} : { label: named }),
        ...(bounded === null ? {} : { uses: bounded }),
      });
      setShown(made);
      setLabel("");
      void refetch();
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }
  async function revoke({ linkId }: RoomLink) {
    if (!(await app.ask("rooms.revokeLink", { linkId }))) return;
    if (shown()?.linkId === linkId) setShown(null);
    say({ level: "done", text: t.invite.revoked });
    void refetch();
  }
  const said = (one: RoomLink) =>
    [
      one.state === "open" ? "" : t.invite.state[one.state],
      one.usesMax === null ? "" : t.invite.left(one.usesLeft ?? 0, one.usesMax),
      one.state === "open" ? t.invite.expiresAt(ago(one.expiresAt, Date.now())) : "",
    ]
      .filter(Boolean)
      .join(" · ");

  return (
    <Modal title={t.roomLinks.title(props.chat.title)} onClose={props.onClose} testid="room-link-dialog">
      <Show
        when={shown()?.link}
        fallback={
          <form class="stack" onSubmit={(event) => void make(event)}>
            <p class="prose">{works()}</p>
            <Field
              label={`${t.roomLinks.label} (${t.common.optional})`}
              hint={t.invite.labelHint}
              value={label()}
              onType={setLabel}
              maxLength={64}
              wide
              testid="room-link-label"
            />
            <div class="pair">
              <div class="field">
                <label for="room-link-lifetime">{t.invite.expires}</label>
                <select
                  id="room-link-lifetime"
                  value={lifetime()}
                  onChange={(event) => setLifetime(Number(event.currentTarget.value))}
                >
                  <For each={lifetimes}>{(one) => <option value={one.ms}>{one.name}</option>}</For>
                </select>
              </div>
              <div class="field">
                <label for="room-link-uses">{t.roomLinks.uses}</label>
                <select
                  id="room-link-uses"
                  onChange={(event) => setTimes(uses[event.currentTarget.selectedIndex] ?? null)}
                >
                  <For each={uses}>{(one) => <option>{t.roomLinks.times(one)}</option>}</For>
                </select>
              </div>
            </div>
            <Show when={times() !== null}>
              <p class="muted small">{t.roomLinks.boundedHint}</p>
            </Show>
            <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
            <Button type="submit" look="primary" class="wide" busy={busy()} testid="room-link-make">
              {busy() ? t.invite.making : t.invite.make}
            </Button>
          </form>
        }
      >
        {(link) => (
          <div class="invitation">
            <p class="prose">{works()}</p>
            <Qr text={link()} label={t.roomLinks.qr} testid="room-link-qr" />
            <code
              class="link-text"
              data-testid="room-link"
              aria-label={t.roomLinks.link}
              role="textbox"
              aria-readonly="true"
              tabIndex={0}
            >
              {link()}
            </code>
            <div class="actions">
              <Copy look="primary" text={link()} label={t.invite.copy} />
              <Button onClick={() => setShown(null)}>{t.invite.another}</Button>
            </div>
          </div>
        )}
      </Show>
      <Show when={(links.latest ?? []).length > 0}>
        <section class="invitation-list">
          <h3>{t.roomLinks.made}</h3>
          <ul>
            <For each={links.latest ?? []}>
              {(one) => (
                <li data-testid="made-link" data-state={one.state}>
                  <div>
                    <strong dir="auto">{one.label || t.invite.unlabelled}</strong>
                    <span class="muted" title={fullDate(one.expiresAt)}>
                      {said(one)}
                    </span>
                  </div>
                  <Show when={one.link}>
                    <Button look="quiet" onClick={() => setShown(one)}>
                      {t.common.show}
                    </Button>
                    <Button look="quiet" class="danger-text" onClick={() => void revoke(one)}>
                      {t.invite.revoke}
                    </Button>
                  </Show>
                </li>
              )}
            </For>
          </ul>
        </section>
      </Show>
    </Modal>
  );
}
