/** What the person must be told, at the top until it is dismissed. Danger comes first and is announced at once. */
import X from "lucide-solid/icons/x";
import { createMemo, For, Show, type JSX } from "solid-js";
import { IconButton } from "../parts/Button.tsx";
import { CauseText } from "../parts/Small.tsx";
import { routePath } from "../router.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

const loudness = { danger: 0, warning: 1, info: 2 } as const;

export function Notices(): JSX.Element {
  const app = useApp();
  const shown = createMemo(() =>
    app.notices
      .all()
      .sort((a, b) => loudness[a.level] - loudness[b.level] || b.at - a.at)
      .slice(0, 3),
  );
  return (
    <div class="notices">
      <Show when={app.status()?.counts.unknownDevices}>
        <div class="notice danger" role="alert" data-testid="unknown-device">
          <CauseText cause={t.devices.unknown} level="danger" />
          <a class="button" href={routePath({ at: "settings", section: "devices" })}>
            {t.devices.look}
          </a>
        </div>
      </Show>
      <For each={shown()}>
        {(notice) => (
          <div
            class={`notice ${notice.level}`}
            role={notice.level === "danger" ? "alert" : "status"}
            data-testid="notice"
            data-level={notice.level}
          >
            <CauseText cause={notice.cause} level={notice.level} />
            <IconButton
              class="small"
              label={t.common.dismiss}
              icon={X}
              onClick={() => {
                void app.ask("engine.dismissNotice", { noticeId: notice.noticeId });
                app.notices.remove(String(notice.noticeId));
              }}
            />
          </div>
        )}
      </For>
    </div>
  );
}
