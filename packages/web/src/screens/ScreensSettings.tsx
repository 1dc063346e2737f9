/** Screens on other devices: switched on with a password, added by a code, listed, signed out. */
import type { Cause, PairedScreen, PairingLink, Screens } from "@fedchat/engine/interface";
import MonitorSmartphone from "lucide-solid/icons/monitor-smartphone";
import RefreshCw from "lucide-solid/icons/refresh-cw";
import { createEffect, createSignal, For, on, onMount, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Password } from "../parts/Password.tsx";
import { Qr } from "../parts/Qr.tsx";
import { CauseText, Countdown } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago, fullDate } from "../text/time.ts";

export function ScreensSettings(): JSX.Element {
  const app = useApp();
  // A certificate that came or expired meanwhile is told by nobody.
  onMount(async () => {
    const fresh = await app.ask("screens.list", {});
    if (fresh) app.setScreens(fresh);
  });
  return (
    <Show when={app.screens()}>
      {(screens) => (
        <>
          <Switches screens={screens()} />
          <List screens={screens()} />
        </>
      )}
    </Show>
  );
}

function Switches(props: { screens: Screens }): JSX.Element {
  const app = useApp();
  const [changing, setChanging] = createSignal(false);
  const [link, setLink] = createSignal<PairingLink | null>(null);

  async function switchOff() {
    const off = await app.ask("screens.disable", {});
    if (off) app.setScreens(off);
  }
  async function switchOn() {
    const switched = await app.ask("screens.enable", {});
    if (switched) app.setScreens(switched);
  }
  async function add() {
    setLink(await app.ask("screens.add", {}));
  }

  return (
    <section class="card stack" data-testid="screens" data-enabled={props.screens.enabled}>
      <p class="prose">{props.screens.isHere ? t.screens.lead : t.screens.leadElsewhere}</p>
      <Show when={props.screens.cause}>{(cause) => <CauseText cause={cause()} />}</Show>
      <Show when={props.screens.enabled && props.screens.cause === null}>
        <p class="prose">
          {t.screens.openedAt}{" "}
          <For each={props.screens.addresses}>
            {(address) => <code class="screen-address">{address}</code>}
          </For>
        </p>
        <Show when={props.screens.throughProxy}>
          <CauseText cause={t.screens.proxy} level="info" />
        </Show>
      </Show>
      <Show when={props.screens.isHere} fallback={<p class="muted">{t.screens.elsewhere}</p>}>
        <Show
          when={props.screens.hasPassword && !changing()}
          fallback={
            <ChoosePassword
              action={props.screens.hasPassword ? t.screens.changePassword : t.screens.enable}
              onDone={() => setChanging(false)}
              onCancel={props.screens.hasPassword ? () => setChanging(false) : null}
            />
          }
        >
          <div class="actions">
            <Show
              when={props.screens.enabled}
              fallback={
                <Button look="primary" testid="screens-enable" onClick={() => void switchOn()}>
                  {t.screens.enable}
                </Button>
              }
            >
              <Button
                look="primary"
                icon={MonitorSmartphone}
                disabled={props.screens.cause !== null}
                testid="screens-add"
                onClick={() => void add()}
              >
                {t.screens.add}
              </Button>
              <Button testid="screens-disable" onClick={() => void switchOff()}>
                {t.screens.disable}
              </Button>
            </Show>
            <Button look="quiet" onClick={() => setChanging(true)}>
              {t.screens.changePassword}
            </Button>
          </div>
        </Show>
      </Show>
      <Show when={link()} keyed>
        {(shown) => (
          <AddDialog
            link={shown}
            known={props.screens.screens.length}
            now={() => props.screens.screens}
            onAgain={() => void add()}
            onClose={() => setLink(null)}
          />
        )}
      </Show>
    </section>
  );
}

function ChoosePassword(props: {
  action: string;
  onDone: () => void;
  onCancel: (() => void) | null;
}): JSX.Element {
  const app = useApp();
  const [password, setPassword] = createSignal("");
  const [suggested, setSuggested] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const isSuggested = () => suggested() !== "" && suggested() === password();

  async function suggest() {
    const answer = await app.ask("account.suggestPassphrase", {});
    if (!answer) return;
    setSuggested(answer.passphrase);
    setPassword(answer.passphrase);
    setCause(null);
  }
  async function keep(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      app.setScreens(await app.call("screens.enable", { password: password() }));
      say({ level: "done", text: t.screens.passwordKept });
      props.onDone();
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }

  return (
    <form class="stack" onSubmit={(event) => void keep(event)}>
      <Password
        label={t.screens.password}
        value={password()}
        onType={(text) => {
          setPassword(text);
          setCause(null);
        }}
        shown={isSuggested()}
        hint={isSuggested() ? t.firstRun.suggested : t.screens.passwordHint}
        autocomplete="new-password"
        testid="screens-password"
      />
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <div class="actions">
        <Button
          type="submit"
          look="primary"
          busy={busy()}
          disabled={password() === ""}
          testid="screens-password-keep"
        >
          {props.action}
        </Button>
        <Button icon={RefreshCw} onClick={() => void suggest()}>
          {suggested() === "" ? t.firstRun.suggest : t.firstRun.another}
        </Button>
        <Show when={isSuggested()}>
          <Copy text={suggested()} label={t.common.copy} />
        </Show>
        <Show when={props.onCancel}>
          {(cancel) => (
            <Button look="quiet" onClick={() => cancel()()}>
              {t.common.cancel}
            </Button>
          )}
        </Show>
      </div>
    </form>
  );
}

/** Closes by itself when the new screen is there. */
function AddDialog(props: {
  link: PairingLink;
  known: number;
  now: () => PairedScreen[];
  onAgain: () => void;
  onClose: () => void;
}): JSX.Element {
  const before = new Set(props.now().map(({ screenId }) => screenId));
  createEffect(
    on(props.now, (screens) => {
      const fresh = screens.find(({ screenId }) => !before.has(screenId));
      if (fresh === undefined) return;
      say({ level: "done", text: t.screens.added(fresh.name) });
      props.onClose();
    }),
  );
  const everySecond = createClock(1_000);
  const isOver = () => everySecond() >= props.link.expiresAt;
  return (
    <Modal title={t.screens.add} onClose={props.onClose} testid="screens-add-dialog">
      <Show
        when={!isOver()}
        fallback={
          <div class="invitation">
            <p class="prose">{t.screens.over}</p>
            <div class="actions">
              <Button look="primary" onClick={props.onAgain}>
                {t.screens.another}
              </Button>
            </div>
          </div>
        }
      >
        <div class="invitation">
          <p class="prose">{t.screens.scan}</p>
          <Qr text={props.link.link} label={t.screens.qr} />
          <code
            class="link-text"
            data-testid="screens-link"
            aria-label={t.screens.link}
            role="textbox"
            aria-readonly="true"
            tabIndex={0}
          >
            {props.link.link}
          </code>
          <div class="actions">
            <Copy look="primary" text={props.link.link} label={t.screens.copy} />
            <span class="muted">
              <Countdown until={props.link.expiresAt} words={t.screens.left} />
            </span>
          </div>
        </div>
      </Show>
    </Modal>
  );
}

function List(props: { screens: Screens }): JSX.Element {
  const app = useApp();
  const now = createClock(everyHalfMinute);
  const [leaving, setLeaving] = createSignal<PairedScreen | null>(null);
  async function remove({ screenId, name }: PairedScreen) {
    const left = await app.ask("screens.remove", { screenId });
    if (!left) return;
    app.setScreens(left);
    say({ level: "done", text: t.screens.removed(name) });
  }
  const said = (one: PairedScreen) =>
    [
      one.connected ? t.screens.openNow : t.screens.seen(ago(one.seenAt, now())),
      t.screens.addedAt(ago(one.addedAt, now())),
    ].join(" · ");
  return (
    <section class="card stack">
      <h2>{t.screens.list}</h2>
      <ul class="screen-list">
        <For each={props.screens.screens} fallback={<li class="muted">{t.screens.none}</li>}>
          {(one) => (
            <li data-testid="paired-screen" data-connected={one.connected}>
              <div>
                <strong dir="auto">
                  {one.name} <Show when={one.isThis}>({t.screens.this})</Show>
                </strong>
                <span class="muted" title={fullDate(one.seenAt)}>
                  {said(one)}
                </span>
              </div>
              <Button
                look="quiet"
                class="danger-text"
                testid="screen-remove"
                aria-label={t.screens.removeNamed(one.name)}
                onClick={() => setLeaving(one)}
              >
                {t.screens.remove}
              </Button>
            </li>
          )}
        </For>
      </ul>
      <Show when={leaving()}>
        {(one) => (
          <Confirm
            title={t.screens.removeConfirm(one().name)}
            body={one().isThis ? t.screens.removeThisBody : t.screens.removeBody}
            action={t.screens.remove}
            onConfirm={() => void remove(one())}
            onClose={() => setLeaving(null)}
          />
        )}
      </Show>
    </section>
  );
}
