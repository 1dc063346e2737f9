/** Makes an invitation, shows it as link and QR, and lists those that were made. */
import type { Cause, Invitation } from "@fedchat/engine/interface";
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Field } from "../parts/Field.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Qr } from "../parts/Qr.tsx";
import { ReachLine } from "../parts/ReachLine.tsx";
import { CauseText } from "../parts/Small.tsx";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago, fullDate } from "../text/time.ts";

const hour = 3_600_000;
const lifetimes = [
  { ms: hour, name: t.invite.hour },
  { ms: 24 * hour, name: t.invite.day },
  { ms: 7 * 24 * hour, name: t.invite.week },
  { ms: 30 * 24 * hour, name: t.invite.month },
] as const;

export function InviteDialog(props: { onClose: () => void }): JSX.Element {
  const app = useApp();
  const [shown, setShown] = createSignal<string | null>(null);
  const [label, setLabel] = createSignal("");
  const [lifetime, setLifetime] = createSignal<number>(7 * 24 * hour);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const made = createMemo(() => app.invitations.all().sort((a, b) => b.createdAt - a.createdAt));
  const open = createMemo(() => made().filter((one) => one.state === "open"));
  const past = createMemo(() => made().filter((one) => one.state !== "open"));
  const invitation = () => (shown() === null ? undefined : app.invitations.get(shown()!));

  async function make(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      const named = label().trim();
      const fresh = await app.call("invitations.create", {
        expiresInMs: lifetime(),
        ...(named === "" ? {} : { label: named }),
      });
      app.invitations.put(fresh);
      setShown(fresh.invitationId);
      setLabel("");
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }

  return (
    <Modal title={t.invite.title} onClose={props.onClose} testid="invite-dialog">
      <Show
        when={invitation()?.link}
        fallback={
          <form class="stack" onSubmit={(event) => void make(event)}>
            <p class="prose">{t.invite.notYet}</p>
            <div class="pair">
              <Field
                label={`${t.invite.label} (${t.common.optional})`}
                hint={t.invite.labelHint}
                placeholder={t.invite.labelPlaceholder}
                value={label()}
                onType={setLabel}
                maxLength={64}
                testid="invite-label"
              />
              <div class="field">
                <label for="invite-lifetime">{t.invite.expires}</label>
                <select
                  id="invite-lifetime"
                  value={lifetime()}
                  data-testid="invite-expiry"
                  onChange={(event) => setLifetime(Number(event.currentTarget.value))}
                >
                  <For each={lifetimes}>{(one) => <option value={one.ms}>{one.name}</option>}</For>
                </select>
              </div>
            </div>
            <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
            <Button type="submit" look="primary" class="wide" busy={busy()} testid="invite-make">
              {busy() ? t.invite.making : t.invite.make}
            </Button>
            <Show when={app.status()}>{(status) => <ReachLine reach={status().reach} />}</Show>
          </form>
        }
      >
        {(link) => (
          <div class="invitation">
            <p class="prose">{t.invite.lead}</p>
            <Qr text={link()} label={t.invite.qr} />
            <code
              class="link-text"
              data-testid="invite-link"
              aria-label={t.invite.link}
              role="textbox"
              aria-readonly="true"
              tabIndex={0}
            >
              {link()}
            </code>
            <div class="actions">
              <Copy look="primary" text={link()} label={t.invite.copy} testid="invite-copy" />
              <Button onClick={() => setShown(null)}>{t.invite.another}</Button>
            </div>
          </div>
        )}
      </Show>
      <InvitationList title={t.invite.open} each={open()} onShow={setShown} />
      <InvitationList title={t.invite.past} each={past()} onShow={setShown} />
    </Modal>
  );
}

function InvitationList(props: {
  title: string;
  each: Invitation[];
  onShow: (id: string) => void;
}): JSX.Element {
  const app = useApp();
  const now = createClock(everyHalfMinute);
  async function revoke(one: Invitation) {
    if (!(await app.ask("invitations.revoke", { invitationId: one.invitationId }))) return;
    app.invitations.put({ ...one, state: "revoked", link: null });
    say({ level: "done", text: t.invite.revoked });
  }
  const said = (one: Invitation) =>
    [
      one.state === "open" ? t.invite.left(one.usesLeft, one.usesMax) : t.invite.state[one.state],
      one.usedBy.length > 0 ? t.invite.usedBy(one.usedBy.map((user) => user.displayName).join(", ")) : "",
      one.state === "open" ? t.invite.expiresAt(ago(one.expiresAt, now())) : "",
    ]
      .filter(Boolean)
      .join(" · ");
  return (
    <Show when={props.each.length > 0}>
      <section class="invitation-list">
        <h3>{props.title}</h3>
        <ul>
          <For each={props.each}>
            {(one) => (
              <li data-testid="invitation" data-state={one.state}>
                <div>
                  <strong dir="auto">{one.label || t.invite.unlabelled}</strong>
                  <span class="muted" title={fullDate(one.expiresAt)}>
                    {said(one)}
                  </span>
                </div>
                <Show when={one.link}>
                  <Button look="quiet" onClick={() => props.onShow(one.invitationId)}>
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
  );
}
