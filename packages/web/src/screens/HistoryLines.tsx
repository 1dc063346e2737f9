/**
 * Lines at the top that come and go by themselves: history that comes back to a new device, and, once somebody has
 * answered, that a recovery kit is worth having. The latter waits for nothing and is asked once.
 */
import X from "lucide-solid/icons/x";
import { createMemo, Show, type JSX } from "solid-js";
import { Button, IconButton } from "../parts/Button.tsx";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

export function HistoryLines(): JSX.Element {
  const app = useApp();
  /** Somebody has written here: now there is something to lose. */
  const answered = createMemo<boolean>(
    (before) =>
      before ||
      app.rooms
        .all()
        .some(
          ({ kind, lastMessage }) => kind !== "notes" && lastMessage?.kind === "text" && !lastMessage.mine,
        ),
    false,
  );
  const isShown = () => {
    const here = app.place.route();
    const isThere = here.at === "settings" && here.section === "recovery";
    return app.status()?.recoveryKit === "unseen" && answered() && !isThere;
  };
  const later = () => void app.ask("recovery.settle", { kit: "later" });
  return (
    <div class="notices">
      <Show when={app.status()?.restoring}>
        {(now) => (
          <div class="notice info history-line" role="status" data-testid="restoring">
            <progress max={now().total} value={now().done} aria-label={t.recovery.restoringLabel} />
            <span>{t.recovery.restoring(now().done, now().total)}</span>
          </div>
        )}
      </Show>
      <Show when={isShown()}>
        <div class="notice info history-line" role="status" data-testid="kit-line">
          <span>{t.recovery.ask}</span>
          <Button
            testid="kit-line-show"
            onClick={() => app.place.go({ at: "settings", section: "recovery" })}
          >
            {t.recovery.askDo}
          </Button>
          <IconButton
            class="small"
            label={t.recovery.notNow}
            icon={X}
            onClick={later}
            testid="kit-line-later"
          />
        </div>
      </Show>
    </div>
  );
}
