/**
 * One server that is linked or linked us, in full: its state in words, what can be done, both keys, what each side may
 * see, and the connection. The servers' own page and the network's map show the same.
 */
import type { Server } from "@fedchat/engine/interface";
import Ban from "lucide-solid/icons/ban";
import Link2 from "lucide-solid/icons/link-2";
import MapPin from "lucide-solid/icons/map-pin";
import Pencil from "lucide-solid/icons/pencil";
import RotateCw from "lucide-solid/icons/rotate-cw";
import Unlink from "lucide-solid/icons/unlink";
import { createSignal, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Field } from "../parts/Field.tsx";
import { CauseText, Countdown, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import type { App } from "../state/app.ts";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { putOff } from "../state/later.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { hostPort } from "../text/names.ts";
import { lastContact, trustLine, wayOf } from "../text/servers.ts";
import { ago, fullDate } from "../text/time.ts";
import { ListedRooms } from "./ListedRooms.tsx";
import { PeopleOf } from "./People.tsx";
import { ServerAddress } from "./ServerAddress.tsx";

/** Then another address may help; not where the server itself turned us away. */
const notDirect = ({ state, via, cause }: Server) =>
  via.length > 0 || (state !== "connected" && cause?.code !== "blocked" && cause?.code !== "not-allowed");
const trouble = (server: Server) => server.trust !== "blocked" && server.state !== "connected";

export function ServerDetail(props: { server: Server }): JSX.Element {
  const app = useApp();
  const server = () => props.server;
  const administrator = () => app.status()?.homeserver.administrator ?? false;
  const [changing, setChanging] = createSignal<"name" | "address" | null>(null);
  const now = createClock(everyHalfMinute);
  return (
    <>
      <section class="card stack">
        <div class="server-state">
          <span class="state-pill" data-state={server().trust === "blocked" ? "off" : server().state}>
            {server().trust === "blocked" ? t.servers.trust.blocked : t.servers.state[server().state]}
          </span>
          <Show when={server().trust !== "blocked"}>
            <span data-testid="server-trust">{trustLine(server(), now())}</span>
          </Show>
        </div>
        <Show when={server().trust === "outgoing" && !server().cause}>
          <p class="muted" data-testid="not-linked-back">
            {t.servers.askToLink}
          </p>
        </Show>
        <Show when={server().replaced}>
          {(replaced) => (
            <p data-testid="key-replaced">{t.servers.keyReplaced(fullDate(replaced().since))}</p>
          )}
        </Show>
        <Show when={server().cause}>
          {(cause) => (
            <CauseText cause={cause()} level={server().state === "refused" ? "danger" : "warning"}>
              <Show when={trouble(server()) && server().nextTryAt}>
                {(at) => (
                  <p class="cause-fix">
                    <Countdown until={at()} words={t.servers.nextTry} />
                  </p>
                )}
              </Show>
            </CauseText>
          )}
        </Show>
        <Show when={administrator()} fallback={<p class="muted">{t.servers.notAdministrator}</p>}>
          <Actions server={server()} onChange={(what) => setChanging(changing() === what ? null : what)} />
        </Show>
        <Show when={changing() === "name"}>
          <Rename server={server()} onDone={() => setChanging(null)} />
        </Show>
        <Show when={changing() === "address"}>
          <ServerAddress server={server()} onDone={() => setChanging(null)} />
        </Show>
      </section>

      <section class="card">
        <Connection server={server()} />
      </section>

      <section class="card">
        <Facts>
          <Fact name={t.servers.theySee}>{theySee(server())}</Fact>
          <Fact name={t.servers.weSee}>{weSee(server())}</Fact>
        </Facts>
        <PeopleOf serverId={server().serverId} />
        <ListedRooms serverId={server().serverId} />
      </section>

      <section class="card stack">
        <BothKeys server={server()} />
      </section>
    </>
  );
}

function Actions(props: { server: Server; onChange: (what: "name" | "address") => void }): JSX.Element {
  const app = useApp();
  const server = () => props.server;
  const [asking, setAsking] = createSignal<"block" | "unlink" | null>(null);
  return (
    <div class="actions">
      <Show when={server().trust === "incoming"}>
        <Button look="primary" icon={Link2} testid="link-back" onClick={() => void linkBack(app, server())}>
          {t.servers.linkBack}
        </Button>
      </Show>
      <Show when={trouble(server()) && server().trust !== "incoming"}>
        <Button
          icon={RotateCw}
          testid="retry-server"
          onClick={() => void app.ask("servers.retry", { serverId: server().serverId })}
        >
          {t.servers.tryNow}
        </Button>
      </Show>
      <Show when={notDirect(server()) && (server().trust === "mutual" || server().trust === "outgoing")}>
        <Button icon={MapPin} testid="change-address" onClick={() => props.onChange("address")}>
          {t.servers.address}
        </Button>
      </Show>
      <Button icon={Pencil} onClick={() => props.onChange("name")}>
        {t.servers.rename}
      </Button>
      <span class="push" />
      <Show when={server().trust === "mutual" || server().trust === "outgoing"}>
        <Button look="quiet" icon={Unlink} testid="unlink" onClick={() => setAsking("unlink")}>
          {t.servers.unlink}
        </Button>
      </Show>
      <Show
        when={server().trust === "blocked"}
        fallback={
          <Button
            look="quiet"
            class="danger-text"
            icon={Ban}
            testid="block-server"
            onClick={() => setAsking("block")}
          >
            {t.servers.block}
          </Button>
        }
      >
        <Button testid="unblock-server" onClick={() => void unblock(app, server())}>
          {t.servers.unblock}
        </Button>
      </Show>
      <Show when={asking() === "block"}>
        <Confirm
          title={t.servers.blockConfirm(server().shownName)}
          body={t.servers.blockBody}
          action={t.servers.block}
          onConfirm={() => void block(app, server())}
          onClose={() => setAsking(null)}
        />
      </Show>
      <Show when={asking() === "unlink"}>
        <Confirm
          title={t.servers.unlinkConfirm(server().shownName)}
          body={t.servers.unlinkBody}
          action={t.servers.unlink}
          onConfirm={() => void unlink(app, server())}
          onClose={() => setAsking(null)}
        />
      </Show>
    </div>
  );
}

function Connection(props: { server: Server }): JSX.Element {
  const server = () => props.server;
  const now = createClock(everyHalfMinute);
  return (
    <Facts>
      <Fact name={t.servers.way} testid="server-way">
        {wayOf(server()) ?? t.common.none}
      </Fact>
      <Fact name={t.servers.roundTrip}>
        {server().roundTripMs === null ? t.common.unknown : t.servers.ms(server().roundTripMs!)}
      </Fact>
      <Fact name={t.servers.queue} testid="queue-depth">
        {t.servers.queueDepth(server().queueDepth)}
      </Fact>
      <Fact name={t.servers.lastContact} testid="last-contact">
        <time title={server().lastContactAt === null ? undefined : fullDate(server().lastContactAt!)}>
          {lastContact(server(), now())}
        </time>
      </Fact>
      <Fact name={t.servers.relays} testid="relays-for">
        <span title={t.servers.relaysHint}>{t.servers.relaysFor[server().relaysFor]}</span>
      </Fact>
      <Fact name={t.servers.linkedAt}>
        <time title={fullDate(server().linkedAt)}>{ago(server().linkedAt, now())}</time>
      </Fact>
      <Fact name={t.servers.origin}>{t.servers.origins[server().origin]}</Fact>
      <Fact name={t.servers.addresses}>
        <Addresses of={server().addresses} />
      </Fact>
      <Show when={server().software}>
        <Fact name={t.servers.software}>{server().software}</Fact>
      </Show>
    </Facts>
  );
}

export function Addresses(props: { of: Server["addresses"] }): JSX.Element {
  return (
    <For each={props.of} fallback={t.common.none}>
      {(address) => (
        <span class="address">
          {hostPort(address)} <span class="muted">({t.servers.kind[address.kind]})</span>
        </span>
      )}
    </For>
  );
}

/** Both server keys, to be compared over another channel. */
export function BothKeys(props: { server: Pick<Server, "serverId"> }): JSX.Element {
  const app = useApp();
  return (
    <Facts>
      <Fact name={t.servers.theirKey} testid="their-key">
        <Fingerprint of={props.server.serverId} />
      </Fact>
      <Fact name={t.servers.ourKey} testid="our-key">
        <Fingerprint of={app.status()?.homeserver.serverId ?? ""} />
      </Fact>
    </Facts>
  );
}

function Rename(props: { server: Server; onDone: () => void }): JSX.Element {
  const app = useApp();
  const [name, setName] = createSignal(props.server.localName ?? "");
  async function rename(event: SubmitEvent) {
    event.preventDefault();
    const renamed = await app.ask("servers.rename", {
      serverId: props.server.serverId,
      localName: name().trim() || null,
    });
    if (!renamed) return;
    app.servers.put(renamed);
    say({ level: "done", text: t.common.saved });
    props.onDone();
  }
  return (
    <form onSubmit={(event) => void rename(event)}>
      <Field
        label={t.servers.renameField}
        hint={t.servers.renameHint}
        placeholder={props.server.name}
        value={name()}
        maxLength={64}
        onType={setName}
        wide
        ref={(field) => queueMicrotask(() => field.focus())}
      >
        <Button type="submit">{t.common.save}</Button>
      </Field>
    </form>
  );
}

function theySee(server: Server): string {
  return {
    mutual: server.origin === "directory" ? t.servers.theySeeChosen : t.servers.theySeeAll,
    incoming: t.servers.seesRequests,
    outgoing: t.servers.seesNothing,
    blocked: t.servers.seesBlocked,
  }[server.trust];
}

function weSee(server: Server): string {
  return {
    mutual: server.origin === "directory" ? t.servers.weSeeChosen : t.servers.weSeeAll,
    incoming: t.servers.seesNothing,
    outgoing: t.servers.weSeeNothingYet,
    blocked: t.servers.seesNothing,
  }[server.trust];
}

export async function linkBack(app: App, server: Server) {
  const linked = await app.ask("servers.linkBack", { serverId: server.serverId });
  if (!linked) return;
  app.servers.put(linked);
  say({ level: "done", text: t.servers.linkedBack(linked.shownName) });
}

export async function block(app: App, server: Pick<Server, "serverId">) {
  const blocked = await app.ask("servers.block", { serverId: server.serverId });
  if (!blocked) return;
  app.servers.put(blocked);
  say({ level: "done", text: t.requests.blocked(blocked.shownName) });
}

async function unblock(app: App, server: Server) {
  const free = await app.ask("servers.unblock", { serverId: server.serverId });
  if (free) app.servers.put(free);
}

async function unlink(app: App, server: Server) {
  // Where they still link us, that is no news to whoever just unlinked them.
  putOff(server.serverId);
  if (!(await app.ask("servers.unlink", { serverId: server.serverId }))) return;
  say({ level: "done", text: t.servers.unlinked });
}
