/** Directories that this server is registered with: whether each is reached, why not, and when it is tried again. */
import type { Directory } from "@fedchat/engine/interface";
import BookUser from "lucide-solid/icons/book-user";
import { For, Show, type JSX } from "solid-js";
import { networkPollMs } from "../limits.ts";
import { CauseText, Countdown } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { createPolled } from "../state/polled.ts";
import { t } from "../strings.ts";
import { hostPort } from "../text/names.ts";

/** Nothing where no directory is configured. */
export function DirectoriesGroup(): JSX.Element {
  const app = useApp();
  const directories = createPolled(() => app.call("servers.directories", {}), networkPollMs);
  const byPlace = () => new Map((directories() ?? []).map((one) => [hostPort(one.address), one]));
  const places = () => [...byPlace().keys()];
  return (
    <Show when={places().length > 0}>
      <section aria-label={t.directories.title} data-testid="directories">
        <h2 class="list-heading">{t.directories.title}</h2>
        <ul class="rows">
          <For each={places()}>
            {(place) => (
              <Show when={byPlace().get(place)}>{(directory) => <Row directory={directory()} />}</Show>
            )}
          </For>
        </ul>
      </section>
    </Show>
  );
}

function Row(props: { directory: Directory }): JSX.Element {
  const directory = () => props.directory;
  const more = () => {
    if (directory().state === "connected") return t.directories.announced(directory().servers);
    const place = hostPort(directory().address);
    return place === directory().shownName ? "" : place;
  };
  return (
    <li data-testid="directory-row" data-state={directory().state}>
      <div class="row still">
        <span class="avatar square" data-state={directory().state}>
          <BookUser size={20} />
          <i class="link-state" />
        </span>
        <span class="row-text">
          <span class="row-title" dir="auto">
            {directory().shownName}
          </span>
          <span class="row-preview">
            {[t.directories.state[directory().state], more()].filter(Boolean).join(" · ")}
          </span>
        </span>
      </div>
      <Show when={directory().state !== "connected" && directory().cause}>
        {(cause) => (
          <CauseText cause={cause()}>
            <Show when={directory().nextTryAt}>
              {(at) => (
                <p class="cause-fix">
                  <Countdown until={at()} words={t.servers.nextTry} />
                </p>
              )}
            </Show>
          </CauseText>
        )}
      </Show>
    </li>
  );
}
