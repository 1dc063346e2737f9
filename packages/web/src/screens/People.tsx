/** People of linked servers, with who is online; and one person, with the way into a chat. */
import type { Cause, Person } from "@fedchat/engine/interface";
import Inbox from "lucide-solid/icons/inbox";
import MessageCircle from "lucide-solid/icons/message-circle";
import RefreshCw from "lucide-solid/icons/refresh-cw";
import Search from "lucide-solid/icons/search";
import Users from "lucide-solid/icons/users";
import UserX from "lucide-solid/icons/user-x";
import {
  createEffect,
  createMemo,
  createSignal,
  For,
  Match,
  on,
  onCleanup,
  onMount,
  Show,
  Switch,
  type JSX,
} from "solid-js";
import { lookEveryMs, requestTextMax, searchDelayMs } from "../limits.ts";
import { Avatar } from "../parts/Avatar.tsx";
import { Button, IconButton } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Rows } from "../parts/Rows.tsx";
import { Badge, CauseText, Empty, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { room, routePath } from "../router.ts";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { matches } from "../text/names.ts";
import { waitingRequests } from "./waiting.ts";
import { InsteadOf } from "./KeyChange.tsx";
import { ListedRooms } from "./ListedRooms.tsx";

const order = { online: 0, unknown: 1, offline: 2 } as const;

export function PeopleList(): JSX.Element {
  const app = useApp();
  const [filter, setFilter] = createSignal("");
  const [refusal, setRefusal] = createSignal<Cause | null>(null);
  const [busy, setBusy] = createSignal(false);
  const others = createMemo(() => app.people.all().filter((person) => person.relation !== "self"));
  const shown = createMemo(() =>
    others()
      .filter((person) => matches(filter(), person.displayName, person.address, person.serverName))
      .sort((a, b) => order[a.presence] - order[b.presence] || a.displayName.localeCompare(b.displayName)),
  );
  const here = () => {
    const route = app.place.route();
    return route.at === "people" ? route.account : null;
  };

  // While this list is open, people one hop beyond belong to it.
  onMount(() => {
    const look = () => void app.call("people.look", {}).catch(() => undefined);
    look();
    const timer = setInterval(look, lookEveryMs);
    onCleanup(() => clearInterval(timer));
  });

  // What is typed is looked for beyond and in directories, too; whom that finds appears by itself.
  createEffect(
    on(filter, (text) => {
      setRefusal(null);
      const wanted = text.trim();
      if (wanted.length < 2) return;
      const timer = setTimeout(
        () =>
          void app.call("people.search", { text: wanted }).catch((error: unknown) => {
            if (filter() === text) setRefusal(causeOf(error));
          }),
        searchDelayMs,
      );
      onCleanup(() => clearTimeout(timer));
    }),
  );

  async function refresh() {
    setBusy(true);
    const people = await app.ask("people.list", { refresh: true });
    if (people) {
      app.people.replace(people);
      say({ level: "done", text: t.common.refreshed });
    }
    setBusy(false);
  }

  return (
    <div class="pane-column">
      <header class="pane-head">
        <h1>{t.people.title}</h1>
        <IconButton
          class={busy() ? "turning" : ""}
          label={t.people.refresh}
          icon={RefreshCw}
          disabled={busy()}
          testid="people-refresh"
          onClick={() => void refresh()}
        />
      </header>
      <div class="search-field">
        <Search size={17} />
        <input
          type="text"
          autocomplete="off"
          value={filter()}
          placeholder={t.people.filterShort}
          aria-label={t.people.filter}
          data-testid="people-filter"
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      <Show when={refusal()}>{(why) => <CauseText cause={why()} />}</Show>
      <div class="pane-scroll">
        <a
          class="row entry only-narrow"
          href={routePath({ at: "requests", requestId: null })}
          data-testid="people-requests"
        >
          <Avatar name="" of="" icon={Inbox} />
          <span class="row-text">
            <span class="row-title">{t.requests.list}</span>
          </span>
          <Badge count={waitingRequests(app).length} />
        </a>
        <ListedRooms filter={filter()} />
        <Show
          when={others().length > 0}
          fallback={
            <Empty
              icon={Users}
              text={t.people.empty}
              action={t.people.emptyDo}
              onAction={() => app.place.go({ at: "link-server" })}
            />
          }
        >
          <Show when={shown().length === 0}>
            <p class="list-note">{t.people.noMatch}</p>
          </Show>
          <Rows
            label={t.people.list}
            each={shown()}
            keyOf={(person) => person.account}
            selected={here()}
            testid="people-list"
          >
            {(person, tab) => (
              <a
                class="row"
                href={routePath({ at: "people", account: person.account })}
                tabIndex={tab()}
                data-row={person.account}
                data-testid="person-row"
                data-address={person.address}
                data-presence={person.presence}
                aria-current={here() === person.account ? "page" : undefined}
              >
                <Avatar name={person.displayName} of={person.account} presence={person.presence} />
                <span class="row-text">
                  <span class="row-line">
                    <span class="row-title" dir="auto">
                      {person.displayName}
                    </span>
                    <span class="row-time">{t.people.relation[person.relation]}</span>
                  </span>
                  <span class="row-line">
                    <span class="row-preview">
                      {person.shownBy === null
                        ? whereIs(person, app.status()?.homeserver.serverId)
                        : t.people.shownBy(whereIs(person, undefined), person.shownBy)}
                    </span>
                    <span class="hidden">{t.people.presence[person.presence]}</span>
                  </span>
                </span>
              </a>
            )}
          </Rows>
        </Show>
      </div>
    </div>
  );
}

/** An address that leaves out the server says it with words, unless it is ours or called like its only person. */
export function whereIs({ address, serverId, serverName }: Person, own: string | undefined): string {
  const isPlain = !address.startsWith("@") || serverId === own || address === `@${serverName.toLowerCase()}`;
  return isPlain ? address : t.people.onServer(address, serverName);
}

export function PersonPane(props: { account: string | null }): JSX.Element {
  const app = useApp();
  const person = () => (props.account === null ? undefined : app.people.get(props.account));
  return (
    <Show when={props.account} fallback={<Empty icon={Users} text={t.people.pick} />}>
      <Show when={person()} fallback={<Empty icon={UserX} text={t.people.notFound} />}>
        {(known) => <PersonCard person={known()} />}
      </Show>
    </Show>
  );
}

function PersonCard(props: { person: Person }): JSX.Element {
  const app = useApp();
  const person = () => props.person;
  const requests = () =>
    app.requests.all().filter((one) => one.account === person().account && one.state === "pending");
  const outgoing = () => requests().find((one) => one.direction === "outgoing");
  const incoming = () => requests().find((one) => one.direction === "incoming");
  async function withdraw() {
    const request = outgoing();
    if (!request || !(await app.ask("requests.withdraw", { requestId: request.requestId }))) return;
    app.requests.put({ ...request, state: "withdrawn" });
    say({ level: "done", text: t.requests.withdrawn });
  }
  return (
    <div class="pane-body" data-testid="person">
      <PaneHead title={person().displayName} back={{ at: "people", account: null }} />
      <div class="pane-scroll page">
        <div class="about-head">
          <Avatar
            size="huge"
            name={person().displayName}
            of={person().account}
            presence={person().presence}
          />
          <h2 dir="auto">{person().displayName}</h2>
          <p class="muted">
            {person().address} · {t.people.presence[person().presence]}
          </p>
        </div>
        <Switch fallback={<RequestForm person={person()} />}>
          <Match when={person().roomId}>
            {(roomId) => (
              <Button
                look="primary"
                icon={MessageCircle}
                testid="open-chat"
                onClick={() => app.place.go(room(roomId()))}
              >
                {t.people.openChat}
              </Button>
            )}
          </Match>
          <Match when={incoming()}>
            {(request) => (
              <Button
                look="primary"
                onClick={() => app.place.go({ at: "requests", requestId: request().requestId })}
              >
                {t.people.answer}
              </Button>
            )}
          </Match>
          <Match when={outgoing() || person().relation === "requested"}>
            <div class="card" data-testid="request-pending">
              <p>
                {t.requests.youAsked(person().displayName)}. {t.requests.state.pending}.
              </p>
              <Show when={outgoing()?.cause}>{(cause) => <CauseText cause={cause()} />}</Show>
              <Button onClick={() => void withdraw()}>{t.people.withdraw}</Button>
            </div>
          </Match>
          <Match when={person().relation === "self" || person().relation === "blocked"}>
            <p class="muted">{t.people.relation[person().relation]}</p>
          </Match>
        </Switch>
        <section class="card">
          <Facts>
            <Fact name={t.about.server}>
              <a href={routePath({ at: "servers", serverId: person().serverId })}>{person().serverName}</a>
            </Fact>
            <Show when={person().shownBy}>{(by) => <Fact name={t.people.shownByFact}>{by()}</Fact>}</Show>
            <Fact name={t.about.account}>
              <Fingerprint of={person().account} />
            </Fact>
          </Facts>
        </section>
      </div>
    </div>
  );
}

export function RequestForm(props: { person: Person }): JSX.Element {
  const app = useApp();
  const [text, setText] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  async function ask(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      app.requests.put(await app.call("requests.send", { who: props.person.account, text: text().trim() }));
      say({ level: "done", text: t.people.requestSent });
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }
  return (
    <form class="card stack" onSubmit={(event) => void ask(event)}>
      <Field
        label={t.people.requestText}
        placeholder={t.people.requestPlaceholder}
        hint={
          text().length > requestTextMax - 60
            ? t.people.charactersLeft(requestTextMax - text().length)
            : undefined
        }
        value={text()}
        maxLength={requestTextMax}
        onType={setText}
        wide
        testid="request-text"
      />
      <InsteadOf name={props.person.insteadOf} account={props.person.account} />
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <Button type="submit" look="primary" busy={busy()} testid="request-chat">
        {t.people.request}
      </Button>
    </form>
  );
}

/** The people of one server, for that server's page. */
export function PeopleOf(props: { serverId: string }): JSX.Element {
  const app = useApp();
  const people = () => app.people.all().filter((person) => person.serverId === props.serverId);
  return (
    <Show when={people().length > 0}>
      <ul class="chips">
        <For each={people()}>
          {(person) => (
            <li>
              <a class="chip" href={routePath({ at: "people", account: person.account })}>
                <Avatar
                  size="small"
                  name={person.displayName}
                  of={person.account}
                  presence={person.presence}
                />
                {person.displayName}
              </a>
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}
