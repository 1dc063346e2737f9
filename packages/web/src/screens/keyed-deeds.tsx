/**
 * What needs the account's key, which further devices do not hold: it is tried, and where the key is missing the account's
 * password is asked for, and stands for it this once.
 */
import type { Cause } from "@fedchat/engine/interface";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Password } from "../parts/Password.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

/** What needs the account's key: `password` where this device does not hold it. */
export type Deed = (password: string | undefined) => Promise<void>;

export interface KeyedDeeds {
  /** @param failed hears why it was not done; absent: it is said at the screen's edge */
  attempt: (deed: Deed, failed?: (cause: Cause) => void) => Promise<void>;
  Dialog: () => JSX.Element;
}

export function keyedDeeds(): KeyedDeeds {
  const [waiting, setWaiting] = createSignal<Deed | null>(null);
  return {
    async attempt(deed, failed = (cause) => say({ level: "danger", cause })) {
      try {
        await deed(undefined);
      } catch (error) {
        const cause = causeOf(error);
        if (cause.code === "account-key-needed") setWaiting(() => deed);
        else failed(cause);
      }
    },
    Dialog: () => (
      <Show when={waiting()}>{(deed) => <AskPassword deed={deed()} onClose={() => setWaiting(null)} />}</Show>
    ),
  };
}

/** The account's key is elsewhere: its password stands for it, for this once. */
function AskPassword(props: { deed: Deed; onClose: () => void }): JSX.Element {
  const [password, setPassword] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  async function go(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      await props.deed(password());
      props.onClose();
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }
  return (
    <Modal title={t.devices.passwordTitle} onClose={props.onClose} class="narrow" testid="device-password">
      <form class="stack" onSubmit={(event) => void go(event)}>
        <p class="prose">{t.devices.passwordLead}</p>
        <Password
          label={t.firstRun.password}
          value={password()}
          onType={setPassword}
          autocomplete="current-password"
          testid="device-password-field"
        />
        <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
        <div class="actions end">
          <Button onClick={props.onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" busy={busy()} disabled={password() === ""}>
            {t.devices.go}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
