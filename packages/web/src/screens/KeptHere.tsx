/**
 * Said outside of conversations where this browser may delete what FedChat keeps: what that means, and what helps. Where
 * nothing would bring the account back it is said with each visit, whatever the browser promises.
 */
import type { Cause } from "@fedchat/engine/interface";
import X from "lucide-solid/icons/x";
import { createSignal, Show, type JSX } from "solid-js";
import { Button, IconButton } from "../parts/Button.tsx";
import { CauseText } from "../parts/Small.tsx";
import { openRoom } from "../router.ts";
import { useApp } from "../state/context.ts";
import { perhapsGone } from "../state/perhaps-gone.ts";
import { t } from "../strings.ts";
import { AskToKeep } from "./AskToKeep.tsx";

const mayDeleteSeen = "fedchat.may-delete-seen";
const nowhereElseSeen = "fedchat.nowhere-else-seen";

export function KeptHere(): JSX.Element {
  const app = useApp();
  const [dismissed, setDismissed] = createSignal(localStorage.getItem(mayDeleteSeen) !== null);
  const [later, setLater] = createSignal(sessionStorage.getItem(nowhereElseSeen) !== null);
  const isOutside = () => openRoom(app.place.route()) === null && app.place.route().at !== "settings";
  const nowhereElse = () =>
    app.status()?.me?.hasPassword === false &&
    app.status()?.recoveryKit !== "kept" &&
    app.devices()?.devices.length === 1;
  function dismiss() {
    localStorage.setItem(mayDeleteSeen, "1");
    setDismissed(true);
  }
  function putOff() {
    sessionStorage.setItem(nowhereElseSeen, "1");
    setLater(true);
  }
  return (
    <Show when={isOutside() && app.inBrowser}>
      {(own) => (
        <div class="notices">
          <Show
            when={nowhereElse()}
            fallback={
              <Show when={own().isKept() === false && !dismissed() && perhapsGone(app) === undefined}>
                <div class="notice warning" role="status" data-testid="may-delete">
                  <CauseText cause={mayDelete} level="warning">
                    <div class="actions">
                      <AskToKeep own={own()} />
                    </div>
                  </CauseText>
                  <IconButton class="small" label={t.common.dismiss} icon={X} onClick={dismiss} />
                </div>
              </Show>
            }
          >
            <Show when={!later()}>
              <div class="notice warning" role="status" data-testid="nowhere-else">
                <CauseText cause={onlyHere} level="warning">
                  <div class="actions">
                    <Button onClick={() => app.place.go({ at: "settings", section: "password" })}>
                      {t.settings.setPassword}
                    </Button>
                    <Button
                      look="quiet"
                      onClick={() => app.place.go({ at: "settings", section: "recovery" })}
                    >
                      {t.inBrowser.recoveryKit}
                    </Button>
                  </div>
                </CauseText>
                <IconButton class="small" label={t.common.dismiss} icon={X} onClick={putOff} />
              </div>
            </Show>
          </Show>
        </div>
      )}
    </Show>
  );
}

const mayDelete: Cause = {
  code: "may-delete",
  sentence: t.inBrowser.mayDelete,
  fix: t.inBrowser.signInAgain,
  retry: "never",
};

const onlyHere: Cause = {
  code: "nowhere-else",
  sentence: t.inBrowser.nowhereElse,
  fix: t.inBrowser.nowhereElseFix,
  retry: "never",
};
