/** Beside the drawing: every server of it as a list, or the one that was picked with all that can be done about it. */
import type { MapServer, NetworkMap } from "@fedchat/engine/interface";
import ArrowLeft from "lucide-solid/icons/arrow-left";
import { createEffect, createMemo, For, Match, on, Show, Switch, type JSX } from "solid-js";
import { lookOf } from "../map/look.ts";
import { IconButton } from "../parts/Button.tsx";
import { Rows } from "../parts/Rows.tsx";
import { Fact, Facts } from "../parts/Small.tsx";
import { routePath } from "../router.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { nodeLine } from "../text/servers.ts";
import { ServerSign } from "./MapSigns.tsx";
import { OwnRelaying } from "./Relaying.tsx";
import { BothKeys, ServerDetail } from "./ServerDetail.tsx";
import { LinkOrBlock } from "./Unlinked.tsx";

interface ListProps {
  map: NetworkMap;
  pointed: string | null;
  onPoint: (serverId: string | null) => void;
}

export function MapList(props: ListProps): JSX.Element {
  return (
    <>
      <Rows label={t.map.list} each={props.map.servers} keyOf={({ serverId }) => serverId} testid="map-list">
        {(server, tab) => (
          <a
            class="row"
            href={routePath({ at: "map", serverId: server.serverId })}
            tabIndex={tab()}
            data-row={server.serverId}
            data-testid="map-row"
            data-server={server.serverId}
            data-look={lookOf(server)}
            data-pointed={props.pointed === server.serverId ? "" : undefined}
            onMouseEnter={() => props.onPoint(server.serverId)}
            onMouseLeave={() => props.onPoint(null)}
            onFocus={() => props.onPoint(server.serverId)}
            onBlur={() => props.onPoint(null)}
          >
            <svg width="30" height="30" viewBox="-22 -22 44 44" aria-hidden="true">
              <ServerSign look={lookOf(server)} relays={server.relaysFor !== "nobody"} />
            </svg>
            <span class="row-text">
              <span class="row-title" dir="auto">
                {server.shownName}
              </span>
              <span class="row-preview two">{nodeLine(server)}</span>
            </span>
          </a>
        )}
      </Rows>
      <Show when={props.map.more > 0}>
        <p class="list-note" data-testid="map-more">
          {t.map.more(props.map.more)}
        </p>
      </Show>
    </>
  );
}

export function MapSelected(props: { map: NetworkMap; server: MapServer }): JSX.Element {
  const app = useApp();
  let heading!: HTMLHeadingElement;
  // Whoever picked with the keyboard goes on reading here.
  createEffect(
    on(
      () => props.server.serverId,
      () => heading.focus({ preventScroll: true }),
    ),
  );
  return (
    <div class="map-selected stack" data-testid="map-selected" data-server={props.server.serverId}>
      <header class="map-selected-head">
        <IconButton
          label={t.map.back}
          icon={ArrowLeft}
          testid="map-back"
          onClick={() => app.place.go({ at: "map", serverId: null })}
        />
        <h2 ref={heading} tabIndex={-1} dir="auto">
          {props.server.shownName}
        </h2>
      </header>
      <Switch fallback={<HeardOf map={props.map} server={props.server} />}>
        <Match when={props.server.hops === 0}>
          <OwnRelaying />
        </Match>
        <Match when={app.servers.get(props.server.serverId)}>
          {(server) => (
            <>
              <ServerDetail server={server()} />
              <LinkedWith map={props.map} server={props.server} />
            </>
          )}
        </Match>
      </Switch>
    </div>
  );
}

function HeardOf(props: { map: NetworkMap; server: MapServer }): JSX.Element {
  return (
    <>
      <section class="card stack">
        <p>{t.map.heardLead}</p>
        <LinkOrBlock serverId={props.server.serverId} name={props.server.shownName} />
        <Facts>
          <Fact name={t.servers.way}>{t.map.away(props.server.hops)}</Fact>
          <Fact name={t.servers.relays} testid="relays-for">
            {t.servers.relaysFor[props.server.relaysFor]}
          </Fact>
        </Facts>
      </section>
      <LinkedWith map={props.map} server={props.server} />
      <section class="card">
        <BothKeys server={props.server} />
      </section>
    </>
  );
}

/** Its links with others, as far as they say. */
function LinkedWith(props: { map: NetworkMap; server: MapServer }): JSX.Element {
  const others = createMemo(() => {
    const own = props.server.serverId;
    const ends = props.map.edges
      .filter(({ kind, a, b }) => kind === "heard" && (a === own || b === own))
      .map(({ a, b }) => (a === own ? b : a));
    return props.map.servers.filter(({ serverId }) => ends.includes(serverId));
  });
  return (
    <Show when={others().length > 0}>
      <section class="card">
        <h3>{t.map.linkedWith}</h3>
        <p class="muted small">{t.map.linkedWithHint}</p>
        <ul class="chips">
          <For each={others()}>
            {(other) => (
              <li>
                <a class="chip" href={routePath({ at: "map", serverId: other.serverId })} dir="auto">
                  {other.shownName}
                </a>
              </li>
            )}
          </For>
        </ul>
      </section>
    </Show>
  );
}
