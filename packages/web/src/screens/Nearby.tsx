/** Servers in the local network: offered with their whole key, since anybody there can take any name, and linked on a yes. */
import type { Cause, NearbyServer } from "@fedchat/engine/interface";
import Link2 from "lucide-solid/icons/link-2";
import ServerIcon from "lucide-solid/icons/server";
import { createSignal, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Modal } from "../parts/Modal.tsx";
import { CauseText, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { routePath } from "../router.ts";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { hostPort } from "../text/names.ts";

/** Nothing where nobody is nearby, or where this person may not link servers. */
export function NearbyGroup(): JSX.Element {
  const app = useApp();
  const [asking, setAsking] = createSignal<NearbyServer | null>(null);
  const servers = () =>
    [...(app.nearby()?.servers ?? [])].sort((a, b) => a.shownName.localeCompare(b.shownName));
  return (
    <Show when={servers().length > 0}>
      <section class="nearby" aria-label={t.nearby.title} data-testid="nearby">
        <h2 class="list-heading">{t.nearby.title}</h2>
        <ul class="rows">
          <For each={servers()}>
            {(server) => (
              <li data-testid="nearby-row" data-server={server.serverId}>
                <Show
                  when={app.servers.get(server.serverId)}
                  fallback={
                    <div class="row">
                      <Who server={server} more={server.serverId.slice(0, 8)} />
                      <Button icon={Link2} testid="link-nearby" onClick={() => setAsking(server)}>
                        {t.nearby.link}
                      </Button>
                    </div>
                  }
                >
                  {(known) => (
                    <a class="row" href={routePath({ at: "servers", serverId: server.serverId })}>
                      <Who server={server} more={t.servers.trust[known().trust]} />
                    </a>
                  )}
                </Show>
              </li>
            )}
          </For>
        </ul>
      </section>
      <Show when={asking()}>
        {(server) => <LinkNearby server={server()} onClose={() => setAsking(null)} />}
      </Show>
    </Show>
  );
}

function Who(props: { server: NearbyServer; more: string }): JSX.Element {
  return (
    <>
      <span class="avatar square" data-state="off">
        <ServerIcon size={20} />
      </span>
      <span class="row-text">
        <span class="row-title" dir="auto">
          {props.server.shownName}
        </span>
        <span class="row-preview">{props.more}</span>
      </span>
    </>
  );
}

function LinkNearby(props: { server: NearbyServer; onClose: () => void }): JSX.Element {
  const app = useApp();
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);

  async function link() {
    setBusy(true);
    setCause(null);
    try {
      const linked = await app.call("servers.linkNearby", { serverId: props.server.serverId });
      app.servers.put(linked);
      if (linked.trust === "outgoing") say({ level: "done", text: t.servers.linked(linked.shownName) });
      props.onClose();
      app.place.go({ at: "servers", serverId: linked.serverId });
    } catch (error) {
      setCause(causeOf(error));
      setBusy(false);
    }
  }

  return (
    <Modal title={t.nearby.ask(props.server.shownName)} onClose={props.onClose} testid="nearby-dialog">
      <p class="prose">{t.nearby.lead}</p>
      <Facts>
        <Fact name={t.servers.theirKey}>
          <Fingerprint of={props.server.serverId} testid="nearby-key" />
        </Fact>
        <Fact name={t.servers.ourKey}>
          <Fingerprint of={app.status()?.homeserver.serverId ?? ""} />
        </Fact>
        <Fact name={t.servers.addresses}>
          <For each={props.server.addresses}>
            {(address) => <span class="address">{hostPort(address)}</span>}
          </For>
        </Fact>
      </Facts>
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <div class="actions end">
        <Button onClick={props.onClose}>{t.common.cancel}</Button>
        <Button look="primary" icon={Link2} busy={busy()} testid="nearby-yes" onClick={() => void link()}>
          {busy() ? t.servers.linking : t.servers.linkDo}
        </Button>
      </div>
    </Modal>
  );
}
