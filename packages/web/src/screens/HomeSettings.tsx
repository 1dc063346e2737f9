/** The homeserver that the account lives on, and the way to another one, by an account invitation of that. */
import type { Cause } from "@fedchat/engine/interface";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Password } from "../parts/Password.tsx";
import { CauseText, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

export function HomeSettings(): JSX.Element {
  const app = useApp();
  const home = () => app.status()?.homeserver;
  return (
    <>
      <section class="card">
        <Facts>
          <Fact name={t.moving.server}>
            <span data-testid="home-server" data-server={home()?.serverId}>
              {home()?.name}
            </span>
          </Fact>
          <Fact name={t.moving.key}>
            <Fingerprint of={home()?.serverId ?? ""} />
          </Fact>
        </Facts>
      </section>
      <Show
        when={app.inBrowser === null}
        fallback={
          <section class="card stack">
            <h2>{t.moving.move}</h2>
            <p class="prose">{t.moving.notInBrowser}</p>
          </section>
        }
      >
        <Move />
      </Show>
    </>
  );
}

function Move(): JSX.Element {
  const app = useApp();
  const [invitation, setInvitation] = createSignal("");
  const [password, setPassword] = createSignal("");
  const [needsPassword, setNeedsPassword] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);

  async function move(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      const key = password() === "" ? {} : { password: password() };
      await app.call("account.move", { invitation: invitation().trim(), ...key });
      setInvitation("");
      setPassword("");
      setNeedsPassword(false);
      app.setStatus(await app.call("engine.status", {}));
      app.refetch();
      say({ level: "done", text: t.moving.moved });
    } catch (error) {
      const why = causeOf(error);
      if (why.code === "account-key-needed") setNeedsPassword(true);
      else setCause(why);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form class="card stack" onSubmit={(event) => void move(event)}>
      <h2>{t.moving.move}</h2>
      <p class="prose">{t.moving.lead}</p>
      <p class="prose">{t.moving.comesAlong}</p>
      <p class="prose">{t.moving.formerly}</p>
      <p class="prose">{t.moving.anew}</p>
      <Field
        label={t.moving.invitation}
        hint={t.moving.invitationHint}
        value={invitation()}
        onType={setInvitation}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        wide
        mono
        testid="move-invitation"
      />
      <Show when={needsPassword()}>
        <p class="prose">{t.devices.passwordLead}</p>
        <Password
          label={t.firstRun.password}
          value={password()}
          onType={setPassword}
          autocomplete="current-password"
          testid="move-password"
        />
      </Show>
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <div class="actions">
        <Button
          type="submit"
          look="primary"
          busy={busy()}
          disabled={invitation().trim() === "" || (needsPassword() && password() === "")}
          testid="move-start"
        >
          {t.moving.start}
        </Button>
      </div>
    </form>
  );
}
