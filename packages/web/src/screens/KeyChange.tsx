/**
 * In a conversation: another key answers at the contact's address. Said where one writes, until the person decides, and
 * about somebody whom one is to ask or to answer, that they come in a contact's place.
 */
import type { Room } from "@fedchat/engine/interface";
import ShieldAlert from "lucide-solid/icons/shield-alert";
import { Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";
import { dayAndClock } from "../text/time.ts";

export function KeyChange(props: { chat: Room }): JSX.Element {
  const app = useApp();
  return (
    <Show when={props.chat.keyChange}>
      {(change) => (
        <section
          class="key-change"
          role="alert"
          aria-label={t.safety.changedTitle}
          data-testid="key-change"
          data-verified={change().verified}
        >
          <ShieldAlert size={20} />
          <div>
            <p>{t.safety.changed(props.chat.title, dayAndClock(change().at))}</p>
            <p class="muted small">
              {change().verified ? t.safety.changedVerified : t.safety.changedBody(props.chat.title)}
            </p>
            <div class="actions">
              <Show
                when={change().verified}
                fallback={
                  <Button
                    look="primary"
                    testid="key-change-verify"
                    onClick={() => setOverlay({ show: "safety", account: change().account })}
                  >
                    {t.safety.changedVerify}
                  </Button>
                }
              >
                <Button
                  look="primary"
                  testid="key-change-ask"
                  onClick={() => app.place.go({ at: "people", account: change().account })}
                >
                  {t.safety.changedAsk}
                </Button>
              </Show>
              <Button
                testid="key-change-later"
                onClick={() =>
                  void app.ask("contacts.dismissKeyChange", { account: props.chat.peer!.account })
                }
              >
                {t.safety.changedLater}
              </Button>
            </div>
          </div>
        </section>
      )}
    </Show>
  );
}

/** Beside an offer to ask or to answer somebody. */
export function InsteadOf(props: { name: string | null; account: string }): JSX.Element {
  const app = useApp();
  const isVerified = () => app.people.get(props.account)?.verified === true;
  return (
    <Show when={!isVerified() && props.name}>
      {(name) => (
        <div class="cause danger" role="alert" data-testid="instead-of">
          <ShieldAlert size={18} />
          <div>
            <p class="cause-sentence">{t.safety.insteadOf(name())}</p>
            <p class="cause-fix">{t.safety.insteadOfFix}</p>
            <Button onClick={() => setOverlay({ show: "safety", account: props.account })}>
              {t.safety.verify}
            </Button>
          </div>
        </div>
      )}
    </Show>
  );
}
