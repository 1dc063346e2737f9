/** Servers: those that are linked, directories, those nearby, the ways to map and relaying; and one server's page. */
import type { Server } from "@fedchat/engine/interface";
import Link2 from "lucide-solid/icons/link-2";
import Network from "lucide-solid/icons/network";
import Plus from "lucide-solid/icons/plus";
import ServerIcon from "lucide-solid/icons/server";
import Stethoscope from "lucide-solid/icons/stethoscope";
import Waypoints from "lucide-solid/icons/waypoints";
import { createMemo, Show, type JSX } from "solid-js";
import { Button, IconButton, type IconType } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Rows } from "../parts/Rows.tsx";
import { Empty } from "../parts/Small.tsx";
import { routePath, type Route } from "../router.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { hostPort } from "../text/names.ts";
import { stateLine } from "../text/servers.ts";
import { DirectoriesGroup } from "./Directories.tsx";
import { NearbyGroup } from "./Nearby.tsx";
import { ServerDetail } from "./ServerDetail.tsx";
import { UnlinkedGroup, UnlinkedPane } from "./Unlinked.tsx";

const trustOrder = { incoming: 0, mutual: 1, outgoing: 2, blocked: 3 } as const;

export function ServerList(): JSX.Element {
  const app = useApp();
  const shown = createMemo(() =>
    app.servers
      .all()
      .sort((a, b) => trustOrder[a.trust] - trustOrder[b.trust] || a.shownName.localeCompare(b.shownName)),
  );
  const here = () => {
    const route = app.place.route();
    return route.at === "servers" ? route.serverId : null;
  };
  const relaying = () => {
    const own = app.status()?.homeserver.relaying;
    return own ? t.relaying.short[own.relaysFor] : "";
  };
  return (
    <div class="pane-column">
      <header class="pane-head">
        <h1>{t.servers.title}</h1>
        <IconButton
          label={t.servers.link}
          icon={Plus}
          testid="link-server"
          onClick={() => app.place.go({ at: "link-server" })}
        />
      </header>
      <div class="pane-scroll">
        <nav class="list-entries" aria-label={t.servers.more}>
          <Entry to={{ at: "map", serverId: null }} icon={Network} testid="open-map" more={t.map.entryHint}>
            {t.map.entry}
          </Entry>
          <Entry to={{ at: "relaying" }} icon={Waypoints} testid="open-relaying" more={relaying()}>
            {t.relaying.entry}
          </Entry>
        </nav>
        <Show
          when={shown().length > 0}
          fallback={
            <Empty
              icon={Link2}
              text={t.servers.empty}
              action={t.servers.emptyDo}
              look="primary"
              onAction={() => app.place.go({ at: "link-server" })}
            />
          }
        >
          <h2 class="list-heading">{t.servers.list}</h2>
          <Rows
            label={t.servers.list}
            each={shown()}
            keyOf={(server) => server.serverId}
            selected={here()}
            testid="server-list"
          >
            {(server, tab) => <ServerRow server={server} here={here() === server.serverId} tab={tab()} />}
          </Rows>
        </Show>
        <UnlinkedGroup here={here()} />
        <DirectoriesGroup />
        <NearbyGroup />
      </div>
      <OurServer />
    </div>
  );
}

function Entry(props: {
  to: Route;
  icon: IconType;
  more: string;
  testid: string;
  children: JSX.Element;
}): JSX.Element {
  const app = useApp();
  return (
    <a
      class="row entry"
      href={routePath(props.to)}
      data-testid={props.testid}
      aria-current={app.place.route().at === props.to.at ? "page" : undefined}
    >
      <span class="avatar square">
        <props.icon size={20} />
      </span>
      <span class="row-text">
        <span class="row-title">{props.children}</span>
        <span class="row-preview">{props.more}</span>
      </span>
    </a>
  );
}

function ServerRow(props: { server: Server; here: boolean; tab: 0 | -1 }): JSX.Element {
  return (
    <a
      class="row"
      href={routePath({ at: "servers", serverId: props.server.serverId })}
      tabIndex={props.tab}
      data-row={props.server.serverId}
      data-testid="server-row"
      data-server={props.server.serverId}
      data-trust={props.server.trust}
      data-state={props.server.state}
      aria-current={props.here ? "page" : undefined}
    >
      <span class="avatar square" data-state={props.server.trust === "blocked" ? "off" : props.server.state}>
        <ServerIcon size={20} />
        <i class="link-state" />
      </span>
      <span class="row-text">
        <span class="row-line">
          <span class="row-title" dir="auto">
            {props.server.shownName}
          </span>
        </span>
        <span class="row-preview two">{stateLine(props.server)}</span>
      </span>
    </a>
  );
}

/** The one line that somebody else needs to link this server. */
function OurServer(): JSX.Element {
  const app = useApp();
  const line = createMemo(() => {
    const own = app.status()?.homeserver;
    const address = own?.addresses[0];
    return own && address ? `${hostPort(address)}/${own.serverId}` : null;
  });
  const administrator = () => app.status()?.homeserver.administrator ?? false;
  return (
    <section class="ours" aria-label={t.servers.ours}>
      <Show when={administrator()}>
        <Button
          look="quiet"
          icon={Stethoscope}
          testid="open-doctor"
          onClick={() => app.place.go({ at: "doctor" })}
        >
          {t.doctor.entry}
        </Button>
      </Show>
      <Show when={line()} fallback={<p class="muted">{t.servers.oursNone}</p>}>
        {(known) => (
          <>
            <p class="muted">{t.servers.oursLead}</p>
            <div class="command-line">
              <code class="ours-line" data-testid="our-server-line">
                {known()}
              </code>
              <Copy look="icon" text={known()} label={t.common.copy} />
            </div>
          </>
        )}
      </Show>
    </section>
  );
}

export function ServerPane(props: { serverId: string | null }): JSX.Element {
  const app = useApp();
  const server = () => (props.serverId === null ? undefined : app.servers.get(props.serverId));
  return (
    <Show when={props.serverId} fallback={<Empty icon={ServerIcon} text={t.servers.pick} />}>
      <Show when={server()} fallback={<UnlinkedPane serverId={props.serverId!} />}>
        {(known) => (
          <div class="pane-body" data-testid="server" data-trust={known().trust} data-state={known().state}>
            <PaneHead title={known().shownName} back={{ at: "servers", serverId: null }} />
            <div class="pane-scroll page">
              <ServerDetail server={known()} />
            </div>
          </div>
        )}
      </Show>
    </Show>
  );
}
