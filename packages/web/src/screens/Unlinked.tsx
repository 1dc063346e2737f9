/**
 * Servers that are not linked, where contacts live or people whom we asked: what each is, why it is known, how it is
 * reached now, and what can be done about it. Of a server that is not even that, only how to find it.
 */
import type { UnlinkedServer } from "@fedchat/engine/interface";
import Ban from "lucide-solid/icons/ban";
import Link2 from "lucide-solid/icons/link-2";
import ServerIcon from "lucide-solid/icons/server";
import ServerOff from "lucide-solid/icons/server-off";
import { createEffect, createSignal, on, Show, type JSX } from "solid-js";
import { networkPollMs } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Rows } from "../parts/Rows.tsx";
import { CauseText, Countdown, Empty, Fact, Facts } from "../parts/Small.tsx";
import { routePath } from "../router.ts";
import type { App } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { createPolled, type Polled } from "../state/polled.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { unlinkedLine, wayOf } from "../text/servers.ts";
import { PeopleOf } from "./People.tsx";
import { Addresses, block, BothKeys } from "./ServerDetail.tsx";

function createUnlinked(): Polled<UnlinkedServer[]> {
  const app = useApp();
  const unlinked = createPolled(() => app.call("servers.unlinked", {}), networkPollMs);
  // What was linked or blocked just now stands in the other list, and nowhere else.
  const links = () =>
    app.servers
      .all()
      .map(({ serverId }) => serverId)
      .sort()
      .join();
  createEffect(on(links, () => unlinked.refresh(), { defer: true }));
  return unlinked;
}

/** Nothing where every contact's server is linked. */
export function UnlinkedGroup(props: { here: string | null }): JSX.Element {
  const app = useApp();
  const unlinked = createUnlinked();
  const shown = () => (unlinked() ?? []).filter(({ serverId }) => !app.servers.get(serverId));
  return (
    <Show when={shown().length > 0}>
      <section aria-label={t.unlinked.list} data-testid="unlinked">
        <h2 class="list-heading">{t.unlinked.list}</h2>
        <Rows
          label={t.unlinked.list}
          each={shown()}
          keyOf={(server) => server.serverId}
          selected={props.here}
          testid="unlinked-list"
        >
          {(server, tab) => (
            <a
              class="row"
              href={routePath({ at: "servers", serverId: server.serverId })}
              tabIndex={tab()}
              data-row={server.serverId}
              data-testid="unlinked-row"
              data-server={server.serverId}
              data-state={server.state}
              aria-current={props.here === server.serverId ? "page" : undefined}
            >
              <span class="avatar square" data-state={server.state}>
                <ServerIcon size={20} />
                <i class="link-state" />
              </span>
              <span class="row-text">
                <span class="row-title" dir="auto">
                  {server.shownName}
                </span>
                <span class="row-preview two">{unlinkedLine(server)}</span>
              </span>
            </a>
          )}
        </Rows>
      </section>
    </Show>
  );
}

/** The page of a server that is in no list of links. */
export function UnlinkedPane(props: { serverId: string }): JSX.Element {
  const app = useApp();
  const unlinked = createUnlinked();
  const server = () => unlinked()?.find(({ serverId }) => serverId === props.serverId);
  return (
    <Show
      when={server()}
      fallback={
        <Show when={unlinked()}>
          <div class="pane-body">
            <PaneHead title="" back={{ at: "servers", serverId: null }} />
            <Empty
              icon={ServerOff}
              text={t.servers.notFound}
              action={t.servers.onMap}
              onAction={() => app.place.go({ at: "map", serverId: props.serverId })}
            />
          </div>
        </Show>
      }
    >
      {(known) => (
        <div class="pane-body" data-testid="unlinked-server" data-state={known().state}>
          <PaneHead title={known().shownName} back={{ at: "servers", serverId: null }} />
          <div class="pane-scroll page">
            <UnlinkedDetail server={known()} />
          </div>
        </div>
      )}
    </Show>
  );
}

function UnlinkedDetail(props: { server: UnlinkedServer }): JSX.Element {
  const server = () => props.server;
  return (
    <>
      <section class="card stack">
        <div class="server-state">
          <span class="state-pill" data-state={server().state}>
            {t.unlinked.state[server().state]}
          </span>
          <span data-testid="server-trust">{t.unlinked.trust}</span>
        </div>
        <p data-testid="unlinked-why">{t.unlinked.why(server().people)}</p>
        <Show when={server().cause}>
          {(cause) => (
            <CauseText cause={cause()}>
              <Show when={server().nextTryAt}>
                {(at) => (
                  <p class="cause-fix">
                    <Countdown until={at()} words={t.servers.nextTry} />
                  </p>
                )}
              </Show>
            </CauseText>
          )}
        </Show>
        <LinkOrBlock serverId={server().serverId} name={server().shownName} />
      </section>

      <section class="card">
        <Facts>
          <Fact name={t.servers.way} testid="server-way">
            {wayOf(server()) ?? t.unlinked.whenNeeded}
          </Fact>
          <Fact name={t.servers.roundTrip}>
            {server().roundTripMs === null ? t.common.unknown : t.servers.ms(server().roundTripMs!)}
          </Fact>
          <Fact name={t.servers.relays}>{t.servers.relaysFor[server().relaysFor]}</Fact>
          <Fact name={t.servers.addresses}>
            <Addresses of={server().addresses} />
          </Fact>
        </Facts>
      </section>

      <section class="card">
        <Facts>
          <Fact name={t.servers.theySee}>{t.unlinked.theySee}</Fact>
          <Fact name={t.servers.weSee}>{t.unlinked.weSee}</Fact>
        </Facts>
        <PeopleOf serverId={server().serverId} />
      </section>

      <section class="card stack">
        <BothKeys server={server()} />
      </section>
    </>
  );
}

/** What its administrator can do about a server without a link, wherever it is shown. */
export function LinkOrBlock(props: { serverId: string; name: string }): JSX.Element {
  const app = useApp();
  const administrator = () => app.status()?.homeserver.administrator ?? false;
  const [asking, setAsking] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  return (
    <Show when={administrator()} fallback={<p class="muted">{t.servers.notAdministrator}</p>}>
      <div class="actions">
        <Button
          look="primary"
          icon={Link2}
          busy={busy()}
          testid="link-known"
          onClick={() => {
            setBusy(true);
            void linkKnown(app, props.serverId).finally(() => setBusy(false));
          }}
        >
          {t.servers.linkDo}
        </Button>
        <span class="push" />
        <Button
          look="quiet"
          class="danger-text"
          icon={Ban}
          testid="block-unlinked"
          onClick={() => setAsking(true)}
        >
          {t.servers.block}
        </Button>
        <Show when={asking()}>
          <Confirm
            title={t.servers.blockConfirm(props.name)}
            body={t.servers.blockBody}
            action={t.servers.block}
            onConfirm={() => void block(app, props)}
            onClose={() => setAsking(false)}
          />
        </Show>
      </div>
    </Show>
  );
}

async function linkKnown(app: App, serverId: string) {
  const linked = await app.ask("servers.linkKnown", { serverId });
  if (!linked) return;
  app.servers.put(linked);
  if (linked.trust === "mutual") say({ level: "done", text: t.servers.linkedBack(linked.shownName) });
  else say({ level: "done", text: t.servers.linked(linked.shownName) });
}
