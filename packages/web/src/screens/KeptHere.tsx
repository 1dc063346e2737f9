/** Said until it is dismissed, outside of conversations, where this browser may delete what FedChat keeps: what that means, and what helps. */
import type { Cause } from "@fedchat/engine/interface";
import X from "lucide-solid/icons/x";
import { createSignal, Show, type JSX } from "solid-js";
import { Button, IconButton } from "../parts/Button.tsx";
import { CauseText } from "../parts/Small.tsx";
import { openRoom } from "../router.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

const dismissedKey = "fedchat.may-delete-seen";

export function KeptHere(): JSX.Element {
  const app = useApp();
  const [dismissed, setDismissed] = createSignal(localStorage.getItem(dismissedKey) !== null);
  const hasPassword = () => app.status()?.me?.hasPassword === true;
  const cause = (): Cause => ({
    code: "may-delete",
    sentence: t.inBrowser.mayDelete,
    fix: hasPassword() ? t.inBrowser.signInAgain : t.inBrowser.setPassword,
    retry: "never",
  });
  function dismiss() {
    localStorage.setItem(dismissedKey, "1");
    setDismissed(true);
  }
  return (
    <Show when={app.inBrowser?.isKept() === false && !dismissed() && openRoom(app.place.route()) === null}>
      <div class="notices">
        <div class="notice warning" role="status" data-testid="may-delete">
          <CauseText cause={cause()} level="warning">
            <div class="actions">
              <Button onClick={() => void app.inBrowser?.askToKeep()} testid="ask-to-keep">
                {t.inBrowser.keep}
              </Button>
              <Show when={!hasPassword()}>
                <Button onClick={() => app.place.go({ at: "settings", section: "password" })}>
                  {t.settings.setPassword}
                </Button>
              </Show>
            </div>
          </CauseText>
          <IconButton class="small" label={t.common.dismiss} icon={X} onClick={dismiss} />
        </div>
      </div>
    </Show>
  );
}
