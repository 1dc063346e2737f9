/**
 * The network as this server knows it: a drawing, and beside or below it the same as a list, which is what a keyboard
 * and a screen reader use. A server that was picked shows in full in the list's place.
 */
import Network from "lucide-solid/icons/network";
import { createEffect, createMemo, createSignal, on, Show, type JSX } from "solid-js";
import { networkPollMs } from "../limits.ts";
import { withLinks } from "../map/look.ts";
import { drawnServersMax } from "../map/measures.ts";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Empty, Spinner } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { createPolled } from "../state/polled.ts";
import { t } from "../strings.ts";
import { MapDrawing } from "./MapDrawing.tsx";
import { MapLegend } from "./MapLegend.tsx";
import { MapList, MapSelected } from "./MapPanel.tsx";

export function NetworkMap(props: { serverId: string | null }): JSX.Element {
  const app = useApp();
  const told = createPolled(() => app.call("network.map", { limit: drawnServersMax }), networkPollMs);
  const map = createMemo(() => {
    const known = told();
    return known && withLinks(known, (serverId) => app.servers.get(serverId));
  });
  const links = () =>
    app.servers
      .all()
      .map(({ serverId }) => serverId)
      .sort()
      .join();
  createEffect(on(links, () => told.refresh(), { defer: true }));

  /** Under the pointer or the keyboard's focus, in the drawing or in the list. */
  const [pointed, setPointed] = createSignal<string | null>(null);
  const selected = () => map()?.servers.find(({ serverId }) => serverId === props.serverId);
  const pick = (serverId: string | null) => app.place.go({ at: "map", serverId });

  return (
    <div class="pane-body" data-testid="network-map">
      <PaneHead title={t.map.title} back={{ at: "servers", serverId: null }}>
        <Show when={map()}>
          {(known) => <span class="muted map-count">{t.map.count(known().servers.length)}</span>}
        </Show>
      </PaneHead>
      <Show
        when={map()}
        fallback={
          <div class="empty" aria-busy="true">
            <Spinner />
            <p>{t.map.loading}</p>
          </div>
        }
      >
        {(known) => (
          <Show
            when={known().servers.length > 1}
            fallback={
              <Empty
                icon={Network}
                text={t.map.alone}
                action={t.servers.emptyDo}
                look="primary"
                onAction={() => app.place.go({ at: "link-server" })}
              />
            }
          >
            <div class="map-frame">
              <div class="map-body">
                <div class="map-side">
                  <MapDrawing
                    map={known()}
                    selected={props.serverId}
                    pointed={pointed()}
                    onPoint={setPointed}
                    onPick={pick}
                  />
                  <MapLegend map={known()} />
                </div>
                <section class="map-panel" aria-label={selected()?.shownName ?? t.map.list}>
                  <Show
                    when={selected()}
                    fallback={<MapList map={known()} pointed={pointed()} onPoint={setPointed} />}
                  >
                    {(server) => <MapSelected map={known()} server={server()} />}
                  </Show>
                </section>
              </div>
            </div>
          </Show>
        )}
      </Show>
    </div>
  );
}
