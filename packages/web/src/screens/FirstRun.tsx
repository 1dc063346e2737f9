/**
 * The first run: one field, and an invitation where the homeserver asks for one. A password waits behind a disclosure,
 * because it is needed only without another device; in a browser it stands there, because a browser may lose everything.
 */
import type { Cause, RegistrationTerms } from "@fedchat/engine/interface";
import ArrowRight from "lucide-solid/icons/arrow-right";
import KeyRound from "lucide-solid/icons/key-round";
import RefreshCw from "lucide-solid/icons/refresh-cw";
import {
  createEffect,
  createSignal,
  For,
  Match,
  on,
  onCleanup,
  Show,
  Switch,
  untrack,
  type JSX,
} from "solid-js";
import { termsAskedEveryMs, typingPauseMs } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Field } from "../parts/Field.tsx";
import { Mark } from "../parts/Mark.tsx";
import { Password } from "../parts/Password.tsx";
import { ReachLine } from "../parts/ReachLine.tsx";
import { CauseText, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { type Lived, livedHere } from "../state/lived-here.ts";
import { cameIn } from "../state/perhaps-gone.ts";
import { t } from "../strings.ts";
import { JoinByCode } from "./JoinByCode.tsx";
import { RecoverAccount } from "./RecoverAccount.tsx";

export function FirstRun(): JSX.Element {
  const app = useApp();
  // What the engine kept is gone, and this is not: the browser deleted it.
  const former = app.inBrowser === null ? null : livedHere();
  const [way, setWay] = createSignal<Way>(former === null ? "new" : "signIn");
  onCleanup(() => {
    // The account is here now, by one way or another: the moment at which a browser may ask its person.
    if (app.inBrowser === null || !app.status()?.me) return;
    void app.inBrowser.askToKeep();
    if (way() === "signIn" || way() === "code") void cameIn(app, { former, byCode: way() === "code" });
  });
  return (
    <main class="welcome" data-testid="first-run">
      <div class="welcome-card">
        <Mark />
        <Switch fallback={<NewAccount />}>
          <Match when={way() === "signIn"}>
            <SignIn former={former} />
          </Match>
          <Match when={way() === "code"}>
            <JoinByCode />
          </Match>
          <Match when={way() === "lost"}>
            <RecoverAccount />
          </Match>
        </Switch>
        <For each={(["new", "signIn", "code", "lost"] as const).filter((one) => one !== way())}>
          {(one) => (
            <button
              type="button"
              class="link-button"
              data-testid={`first-run-${one}`}
              onClick={() => setWay(one)}
            >
              {ways[one]}
            </button>
          )}
        </For>
      </div>
      <Show
        when={app.inBrowser}
        fallback={<Show when={app.status()}>{(status) => <ReachLine reach={status().reach} />}</Show>}
      >
        <div class="welcome-facts">
          <p class="muted">{t.firstRun.keysHere}</p>
          <Facts>
            <Fact name={t.firstRun.serverKey}>
              <Fingerprint of={app.status()?.homeserver.serverId ?? ""} />
            </Fact>
          </Facts>
        </div>
      </Show>
    </main>
  );
}

const ways = {
  new: t.firstRun.newAccount,
  signIn: t.firstRun.signIn,
  code: t.devices.join.way,
  lost: t.recovery.lostAll,
};
type Way = keyof typeof ways;

function NewAccount(): JSX.Element {
  const app = useApp();
  const [name, setName] = createSignal("");
  const [withPassword, setWithPassword] = createSignal(app.inBrowser !== null);
  const [password, setPassword] = createSignal("");
  const [suggested, setSuggested] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const [terms, setTerms] = createSignal<RegistrationTerms | null>(null);
  const [typed, setTyped] = createSignal(false);
  const [invitation, setInvitation] = createSignal(app.inBrowser?.invitation() ?? "");
  const given = () => (invitation().trim() === "" ? {} : { registrationToken: invitation().trim() });
  createEffect(() => setInvitation(app.inBrowser?.invitation() ?? ""));
  const closed = () => terms()?.policy === "closed" && terms()?.admits === false;
  const [asksAgain, setAsksAgain] = createSignal(0);
  // What is being typed is no invitation yet, and each wrong one counts as an attempt.
  createEffect(
    on([invitation, () => app.connection().state, asksAgain], () => {
      const timer = setTimeout(() => void ask(), typingPauseMs);
      onCleanup(() => clearTimeout(timer));
    }),
  );

  async function ask() {
    const asked = invitation();
    try {
      const answer = await app.call("account.terms", given());
      if (asked !== invitation()) return;
      setTerms(answer);
      const refused = !answer.admits && answer.policy === "invited" && asked.trim() !== "";
      setCause(refused ? spent : null);
    } catch (error) {
      if (asked !== invitation()) return;
      const why = causeOf(error);
      // Of a homeserver that is not reached, trying to open an account tells; an invitation that is none is told at once.
      if (why.retry === "never") setCause(why);
      else setTimeout(() => setAsksAgain((times) => times + 1), termsAskedEveryMs);
    }
  }

  function choose(chosen: string) {
    setPassword(chosen);
    setCause(null);
  }

  async function suggest() {
    const answer = await app.ask("account.suggestPassphrase", {});
    if (!answer) return;
    setSuggested(answer.passphrase);
    choose(answer.passphrase);
  }

  async function start(event: SubmitEvent) {
    event.preventDefault();
    const displayName = name().trim();
    if (displayName === "" || busy()) return;
    setBusy(true);
    setCause(null);
    try {
      await app.call("account.create", {
        displayName,
        ...given(),
        ...(password() === "" ? {} : { password: password() }),
      });
      app.setStatus(await app.call("engine.status", {}));
      app.refetch();
    } catch (error) {
      setCause(causeOf(error));
      setBusy(false);
    }
  }

  return (
    <form class="welcome-form" onSubmit={(event) => void start(event)}>
      <h1>{t.firstRun.title}</h1>
      <Show
        when={!closed()}
        fallback={
          <p class="lead" data-testid="closed">
            {t.firstRun.closed}
          </p>
        }
      >
        <p class="lead">{app.inBrowser ? t.firstRun.leadOn(app.inBrowser.host) : t.firstRun.lead}</p>
        <Show when={terms()?.policy === "invited" && (!terms()?.admits || typed())}>
          <Field
            label={t.firstRun.invitation}
            hint={t.firstRun.invitationHint}
            value={invitation()}
            onType={(text) => {
              setTyped(true);
              setInvitation(text);
            }}
            autocapitalize="none"
            maxLength={512}
            required
            wide
            testid="first-run-invitation"
          />
        </Show>
        <Field
          label={t.firstRun.name}
          value={name()}
          onType={setName}
          placeholder={t.firstRun.namePlaceholder}
          autocomplete="name"
          maxLength={64}
          required
          autofocus
          ref={(field) => queueMicrotask(() => field.focus())}
          testid="first-run-name"
          wide
        />
        <Show
          when={withPassword()}
          fallback={
            <button
              type="button"
              class="link-button start"
              aria-expanded="false"
              onClick={() => setWithPassword(true)}
            >
              <KeyRound size={16} />
              {t.firstRun.withPassword} <span class="muted">({t.common.optional})</span>
            </button>
          }
        >
          <div class="disclosed">
            <Password
              label={t.firstRun.password}
              value={password()}
              onType={choose}
              shown={suggested() !== "" && suggested() === password()}
              hint={
                suggested() !== "" && suggested() === password()
                  ? t.firstRun.suggested
                  : app.inBrowser
                    ? t.firstRun.passwordNeeded
                    : t.firstRun.passwordHint
              }
              autocomplete="new-password"
              testid="first-run-password"
            />
            <div class="actions">
              <Button icon={RefreshCw} onClick={() => void suggest()} testid="first-run-suggest">
                {suggested() === "" ? t.firstRun.suggest : t.firstRun.another}
              </Button>
              <Show when={suggested() !== "" && suggested() === password()}>
                <Copy text={suggested()} label={t.common.copy} />
              </Show>
            </div>
          </div>
        </Show>
        <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
        <Button
          type="submit"
          look="primary"
          class="wide large"
          icon={ArrowRight}
          busy={busy()}
          disabled={name().trim() === "" || terms()?.admits === false}
          testid="first-run-start"
        >
          {busy() ? t.firstRun.starting : t.firstRun.start}
        </Button>
      </Show>
    </form>
  );
}

const spent: Cause = {
  code: "invitation-spent",
  sentence: t.firstRun.invitationSpent,
  fix: null,
  retry: "never",
};

/** @param props.former whose account this browser had before it deleted what was kept */
function SignIn(props: { former: Lived | null }): JSX.Element {
  const app = useApp();
  const [handle, setHandle] = createSignal(untrack(() => props.former)?.handle ?? "");
  const [password, setPassword] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);

  async function signIn(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    const { former } = props;
    const given = handle().trim().replace(/^@/, "");
    // What was kept is deleted, so that nothing is that device any more.
    const lost = former?.handle === given && former.device !== null ? { replaces: former.device } : {};
    try {
      await app.call("account.signIn", { handle: given, password: password(), ...lost });
      app.setStatus(await app.call("engine.status", {}));
      app.refetch();
    } catch (error) {
      setCause(causeOf(error));
      setBusy(false);
    }
  }

  return (
    <form class="welcome-form" onSubmit={(event) => void signIn(event)}>
      <h1>{props.former === null ? t.firstRun.signInTitle : t.firstRun.deletedTitle}</h1>
      <p class="lead" data-testid="sign-in-lead">
        {props.former === null ? t.firstRun.signInLead : t.firstRun.deletedLead}
      </p>
      <Field
        label={t.firstRun.handle}
        value={handle()}
        onType={setHandle}
        autocomplete="username"
        autocapitalize="none"
        maxLength={64}
        required
        wide
        testid="sign-in-handle"
      />
      <Password
        label={t.firstRun.password}
        value={password()}
        onType={setPassword}
        autocomplete="current-password"
        testid="sign-in-password"
      />
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <Button
        type="submit"
        look="primary"
        class="wide large"
        busy={busy()}
        disabled={handle().trim() === "" || password() === ""}
        testid="sign-in-start"
      >
        {t.firstRun.signInButton}
      </Button>
    </form>
  );
}
