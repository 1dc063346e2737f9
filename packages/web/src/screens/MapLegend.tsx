/** What the signs of the map mean: only those that are on it. */
import type { MapEdge, NetworkMap } from "@fedchat/engine/interface";
import { For, Show, type JSX } from "solid-js";
import { lookNames, lookOf, looks } from "../map/look.ts";
import { createWide } from "../state/wide.ts";
import { t } from "../strings.ts";
import { ServerSign } from "./MapSigns.tsx";

const edgeKinds: MapEdge["kind"][] = ["direct", "relayed", "down", "heard"];

/** On a narrow screen it opens when it is wanted. */
export function MapLegend(props: { map: NetworkMap }): JSX.Element {
  const wide = createWide();
  return (
    <Show
      when={wide()}
      fallback={
        <details class="map-legend-box">
          <summary>{t.map.legend}</summary>
          <Signs map={props.map} />
        </details>
      }
    >
      <Signs map={props.map} />
    </Show>
  );
}

function Signs(props: { map: NetworkMap }): JSX.Element {
  const shown = () => new Set(props.map.servers.map(lookOf));
  const kinds = () => new Set(props.map.edges.map(({ kind }) => kind));
  const relays = () => props.map.servers.some(({ relaysFor }) => relaysFor !== "nobody");
  return (
    <ul class="map-legend" aria-label={t.map.legend}>
      <For each={looks.filter((look) => shown().has(look))}>
        {(look) => (
          <li>
            <svg width="24" height="24" viewBox="-18 -18 36 36" aria-hidden="true">
              <ServerSign look={look} relays={false} />
            </svg>
            {lookNames[look]}
          </li>
        )}
      </For>
      <Show when={relays()}>
        <li>
          <svg width="24" height="24" viewBox="-18 -18 36 36" aria-hidden="true">
            <ServerSign look="heard" relays />
          </svg>
          {t.map.relay}
        </li>
      </Show>
      <For each={edgeKinds.filter((kind) => kinds().has(kind))}>
        {(kind) => (
          <li>
            <svg width="30" height="14" viewBox="0 0 30 14" aria-hidden="true">
              <path class="map-edge" data-kind={kind} d="M1 7H29" />
            </svg>
            {t.map.edges[kind]}
          </li>
        )}
      </For>
    </ul>
  );
}
