/**
 * Making sure that a key is who one thinks: a code for the other's camera and theirs for ours, seven signs to say over a
 * call, sixty digits to compare. All are drawn from both account keys; what was made sure of is kept by the engine.
 */
import type { Cause, SafetyNumber } from "@fedchat/engine/interface";
import ShieldCheck from "lucide-solid/icons/shield-check";
import { createResource, createSignal, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Qr } from "../parts/Qr.tsx";
import { CodeReader } from "../parts/CodeReader.tsx";
import { CauseText, Fingerprint, Spinner } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { dayAndClock, fullDate } from "../text/time.ts";

export function SafetyDialog(props: { account: string; onClose: () => void }): JSX.Element {
  const app = useApp();
  const named = () => app.contacts.get(props.account) ?? app.people.get(props.account);
  // In a room there are people whom no list holds.
  const [found] = createResource(
    () => (named() ? null : props.account),
    (account) => app.call("people.find", { who: account }).catch(() => null),
  );
  const name = () => named()?.displayName ?? found.latest?.displayName ?? "";
  const [number, { mutate }] = createResource(() =>
    app.ask("contacts.safetyNumber", { account: props.account }),
  );
  return (
    <Modal title={t.safety.title(name())} onClose={props.onClose} testid="safety-dialog">
      <Show when={number()} fallback={<Spinner />}>
        {(known) => <Compare account={props.account} name={name()} number={known()} onChange={mutate} />}
      </Show>
    </Modal>
  );
}

interface CompareProps {
  account: string;
  name: string;
  number: SafetyNumber;
  onChange: (number: SafetyNumber) => void;
}

function Compare(props: CompareProps): JSX.Element {
  const app = useApp();
  const [cause, setCause] = createSignal<Cause | null>(null);
  let standing!: HTMLDivElement;
  const groups = () => props.number.digits.replace(/\D/g, "").match(/.{1,5}/g) ?? [];

  async function verify(code?: string) {
    setCause(null);
    try {
      const { account } = props;
      props.onChange(await app.call("contacts.verify", { account, ...(code === undefined ? {} : { code }) }));
      say({ level: "done", text: t.safety.done(props.name) });
      // What was pressed may be gone, and with it the focus.
      standing.focus();
    } catch (error) {
      setCause(causeOf(error));
    }
  }
  async function unverify() {
    const changed = await app.ask("contacts.unverify", { account: props.account });
    if (changed) props.onChange(changed);
  }
  return (
    <div class="safety">
      <div role="status" tabIndex={-1} ref={standing}>
        <Show when={props.number.verified}>
          {(verified) => (
            <div class="safety-verified" data-testid="verified">
              <ShieldCheck size={20} />
              <span>
                {t.safety.how[verified().how](props.name)}
                <small class="muted" title={fullDate(verified().at)}>
                  {dayAndClock(verified().at)}
                </small>
              </span>
              <Button look="quiet" testid="unverify" onClick={() => void unverify()}>
                {t.safety.takeBack}
              </Button>
            </div>
          )}
        </Show>
      </div>
      <Show when={cause()}>
        {(why) => (
          <div role="alert" data-testid="verify-failed">
            <CauseText cause={why()} level="danger" />
          </div>
        )}
      </Show>
      <section>
        <h3>{t.safety.codes}</h3>
        <p class="muted">{t.safety.codesHint(props.name)}</p>
        <Qr text={props.number.code} label={t.safety.qr} testid="safety-qr" />
        <CodeReader name={props.name} onCode={(code) => void verify(code)} />
      </section>
      <section>
        <h3>{t.safety.signs}</h3>
        <p class="muted">{t.safety.signsHint(props.name)}</p>
        <ol class="safety-emoji">
          <For each={props.number.emoji}>
            {(sign) => (
              <li>
                <span aria-hidden="true">{sign.symbol}</span>
                {t.safety.emoji[sign.name] ?? sign.name}
              </li>
            )}
          </For>
        </ol>
      </section>
      <section>
        <h3>{t.safety.digits}</h3>
        <code class="safety-digits" data-testid="safety-digits">
          <For each={groups()}>{(group) => <span>{group} </span>}</For>
        </code>
        <div class="actions">
          <Copy text={groups().join(" ")} label={t.common.copy} />
        </div>
        <p class="muted small">
          {t.safety.key(props.name)} <Fingerprint of={props.account} />
        </p>
      </section>
      <Show when={!props.number.verified}>
        <Button look="primary" class="wide" icon={ShieldCheck} testid="verify" onClick={() => void verify()}>
          {t.safety.same}
        </Button>
      </Show>
    </div>
  );
}
