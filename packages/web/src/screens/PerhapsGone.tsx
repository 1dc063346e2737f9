/** Asks, after an account came back into a browser, whether a device that the account still lists is there. */
import { Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { CauseText } from "../parts/Small.tsx";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { isStillThere, perhapsGone } from "../state/perhaps-gone.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago } from "../text/time.ts";
import { keyedDeeds } from "./keyed-deeds.tsx";

export function PerhapsGone(): JSX.Element {
  const app = useApp();
  const now = createClock(everyHalfMinute);
  const keyed = keyedDeeds();
  const revoke = (deviceId: string, name: string) =>
    keyed.attempt(async (password) => {
      const key = password === undefined ? {} : { password };
      app.setDevices(await app.call("devices.revoke", { deviceId, ...key }));
      isStillThere(deviceId);
      say({ level: "done", text: t.devices.revoked(name) });
    });
  return (
    <div class="notices">
      <Show when={perhapsGone(app)}>
        {(one) => (
          <div class="notice warning" role="status" data-testid="perhaps-gone">
            <CauseText
              cause={{
                code: "perhaps-gone",
                sentence: t.devices.perhapsGone(one().name, ago(one().createdAt, now())),
                fix: t.devices.perhapsGoneFix,
                retry: "never",
              }}
              level="warning"
            >
              <div class="actions">
                <Button testid="gone-revoke" onClick={() => void revoke(one().deviceId, one().name)}>
                  {t.devices.isGone}
                </Button>
                <Button look="quiet" testid="gone-not" onClick={() => isStillThere(one().deviceId)}>
                  {t.devices.isThere}
                </Button>
              </div>
            </CauseText>
          </div>
        )}
      </Show>
      <keyed.Dialog />
    </div>
  );
}
