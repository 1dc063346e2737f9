/** For administrators: links by which others open an account on this homeserver, and those that can still be used. */
import type { AccountInvitation, Result } from "@fedchat/engine/interface";
import UserPlus from "lucide-solid/icons/user-plus";
import { createSignal, For, onMount, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Field } from "../parts/Field.tsx";
import { Qr } from "../parts/Qr.tsx";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { fullDate } from "../text/time.ts";

export function AccountInvitations(): JSX.Element {
  const app = useApp();
  const [open, setOpen] = createSignal<readonly AccountInvitation[]>([]);
  const [label, setLabel] = createSignal("");
  const [made, setMade] = createSignal<Result<"accountInvitations.create"> | null>(null);
  /** In a browser at the very name that this one trusts. */
  const atHome = (link: string) =>
    app.inBrowser === null ? link : link.replace(/^https:\/\/[^/]+/, location.origin);
  const refresh = async () => setOpen((await app.ask("accountInvitations.list", {})) ?? open());
  onMount(() => void refresh());

  async function make(event: SubmitEvent) {
    event.preventDefault();
    const invitation = await app.ask("accountInvitations.create", { label: label().trim() });
    if (invitation === null) return;
    setMade({ ...invitation, link: atHome(invitation.link) });
    setLabel("");
    await refresh();
  }
  async function revoke({ invitationId }: AccountInvitation) {
    await app.ask("accountInvitations.revoke", { invitationId });
    if (made()?.invitationId === invitationId) setMade(null);
    await refresh();
  }

  return (
    <>
      <form class="card stack" onSubmit={(event) => void make(event)}>
        <p class="prose">{t.accounts.lead}</p>
        <Field
          label={t.accounts.label}
          hint={t.accounts.labelHint}
          value={label()}
          maxLength={64}
          onType={setLabel}
          wide
          testid="account-invite-label"
        >
          <Button type="submit" look="primary" icon={UserPlus} testid="account-invite">
            {t.accounts.make}
          </Button>
        </Field>
        <Show when={made()}>
          {(invitation) => (
            <div class="stack" role="status">
              <p class="prose">{t.accounts.once}</p>
              <Qr text={invitation().link} label={t.accounts.qr} />
              <code class="link-text" tabIndex={0} data-testid="account-invite-link">
                {invitation().link}
              </code>
              <div class="actions">
                <Copy look="primary" text={invitation().link} label={t.common.copy} />
              </div>
            </div>
          )}
        </Show>
      </form>
      <Show when={open().length > 0}>
        <section class="card stack">
          <h2>{t.accounts.open}</h2>
          <ul class="plain-list">
            <For each={open()}>
              {(invitation) => (
                <li data-testid="account-invitation">
                  <span>
                    <span dir="auto">{invitation.label || t.accounts.unnamed}</span>{" "}
                    <span class="muted">
                      {t.accounts.left(invitation.usesLeft, fullDate(invitation.expiresAt))}
                    </span>
                  </span>
                  <Button look="quiet" onClick={() => void revoke(invitation)}>
                    {t.accounts.revoke}
                  </Button>
                </li>
              )}
            </For>
          </ul>
        </section>
      </Show>
    </>
  );
}
