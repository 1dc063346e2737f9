/** The sections: a rail on the left, a bar at the bottom of a phone. Each says how much waits there. */
import Inbox from "lucide-solid/icons/inbox";
import MessageCircle from "lucide-solid/icons/message-circle";
import Plus from "lucide-solid/icons/plus";
import ServerIcon from "lucide-solid/icons/server";
import Settings from "lucide-solid/icons/settings";
import Users from "lucide-solid/icons/users";
import { Show, type JSX } from "solid-js";
import type { IconType } from "../parts/Button.tsx";
import { Badge } from "../parts/Small.tsx";
import { Tip } from "../parts/Tip.tsx";
import { amongServers, routePath, type Route } from "../router.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { createWide } from "../state/wide.ts";
import { t } from "../strings.ts";
import { waitingLinks, waitingRequests } from "./waiting.ts";

export function Rail(): JSX.Element {
  const app = useApp();
  const at = () => app.place.route().at;
  return (
    <nav class="rail" aria-label={t.nav.label}>
      <Tip text={t.nav.commands} keys="Ctrl K">
        {(trigger) => (
          <button
            {...trigger}
            type="button"
            class="rail-item rail-plus"
            aria-label={t.nav.commands}
            data-testid="commands-button"
            onClick={() => setOverlay({ show: "commands" })}
          >
            <Plus size={22} />
          </button>
        )}
      </Tip>
      <Section
        icon={MessageCircle}
        name={t.nav.chats}
        route={{ at: "chats" }}
        here={at() === "chats" || at() === "room"}
        count={app.unread()}
        counted={t.nav.unread}
        testid="nav-chats"
      />
      <Section
        icon={Users}
        name={t.nav.people}
        route={{ at: "people", account: null }}
        here={at() === "people"}
        hereNarrow={at() === "requests"}
        countNarrow={waitingRequests(app).length}
        counted={t.nav.waiting}
        testid="nav-people"
      />
      <Section
        icon={Inbox}
        name={t.nav.requests}
        route={{ at: "requests", requestId: null }}
        here={at() === "requests"}
        count={waitingRequests(app).length}
        counted={t.nav.waiting}
        class="not-narrow"
        testid="nav-requests"
      />
      <Section
        icon={ServerIcon}
        name={t.nav.servers}
        route={{ at: "servers", serverId: null }}
        here={amongServers(app.place.route())}
        count={waitingLinks(app).length}
        counted={t.nav.waiting}
        testid="nav-servers"
      />
      <Section
        icon={Settings}
        name={t.nav.settings}
        route={{ at: "settings", section: null }}
        here={at() === "settings"}
        class="rail-last"
        testid="nav-settings"
      />
    </nav>
  );
}

/** A phone's bar has five places: requests stand among people there. */
interface SectionProps {
  icon: IconType;
  name: string;
  route: Route;
  here: boolean;
  count?: number;
  hereNarrow?: boolean;
  countNarrow?: number;
  counted?: (count: number) => string;
  class?: string;
  testid: string;
}

function Section(props: SectionProps): JSX.Element {
  const wide = createWide();
  const count = () => props.count ?? (wide() ? 0 : (props.countNarrow ?? 0));
  return (
    <a
      class={`rail-item ${props.class ?? ""}`}
      href={routePath(props.route)}
      aria-current={props.here || (!wide() && props.hereNarrow) ? "page" : undefined}
      data-testid={props.testid}
    >
      <span class="rail-icon">
        <props.icon size={21} />
        <Badge count={count()} />
      </span>
      <span class="rail-name">{props.name}</span>
      <Show when={count()}>{(some) => <span class="hidden">{props.counted?.(some())}</span>}</Show>
    </a>
  );
}
