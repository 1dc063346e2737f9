/** Beside a conversation: who it is with, somebody in it, a search in it, or the way of one message. */
import type { Result, Room } from "@fedchat/engine/interface";
import ArrowLeft from "lucide-solid/icons/arrow-left";
import Ban from "lucide-solid/icons/ban";
import CircleCheck from "lucide-solid/icons/circle-check";
import CircleDashed from "lucide-solid/icons/circle-dashed";
import CircleDot from "lucide-solid/icons/circle-dot";
import CircleX from "lucide-solid/icons/circle-x";
import Search from "lucide-solid/icons/search";
import ShieldCheck from "lucide-solid/icons/shield-check";
import X from "lucide-solid/icons/x";
import {
  createEffect,
  createResource,
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
import { Dynamic } from "solid-js/web";
import { Button, IconButton } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Field } from "../parts/Field.tsx";
import { ChatAvatar } from "../parts/RoomAvatar.tsx";
import { Rows } from "../parts/Rows.tsx";
import { Countdown, Empty, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { messageOf, routePath } from "../router.ts";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { setDetail, setOverlay, type Detail } from "../state/panel.ts";
import { createSearch } from "../state/search.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { xrayRefreshMs } from "../limits.ts";
import { dayAndClock, dayName, fullDate, listTime } from "../text/time.ts";
import { ChatChores } from "./ChatChores.tsx";
import { Disappearing } from "./Disappearing.tsx";
import { titleOf } from "./ChatList.tsx";
import { RoomPanel } from "./RoomPanel.tsx";
import { Snippet } from "./Snippet.tsx";
import { VerifiedLine } from "./VerifiedLine.tsx";

interface DetailPanelProps {
  chat: Room;
  detail: NonNullable<Detail>;
  onClose: () => void;
}

export function DetailPanel(props: DetailPanelProps): JSX.Element {
  const titles = {
    about: t.about.title,
    search: t.find.title,
    xray: t.xray.title,
    person: t.rooms.person.title,
  };
  const title = () => titles[props.detail.show];
  const person = () => (props.detail.show === "person" ? props.detail : null);
  const ofRoom = () => props.chat.kind === "group" && (props.detail.show === "about" || person() !== null);
  const traced = () => (props.detail.show === "xray" ? props.detail.messageId : null);
  let panel!: HTMLElement;
  const focus = () => (props.detail.show === "search" ? panel.querySelector("input") : panel)?.focus();
  onMount(focus);
  // What was pressed to come here is gone, and the focus with it.
  createEffect(on([() => props.detail.show, () => person()?.account], focus, { defer: true }));
  return (
    <>
      <div class="detail-shade" onClick={() => props.onClose()} />
      <aside
        class="detail"
        tabIndex={-1}
        ref={panel}
        aria-label={title()}
        data-testid={`detail-${props.detail.show}`}
      >
        <header class="pane-head">
          <Show when={person()}>
            <IconButton
              label={t.rooms.person.back}
              icon={ArrowLeft}
              testid="person-back"
              onClick={() => setDetail({ show: "about" })}
            />
          </Show>
          <h2>{title()}</h2>
          <IconButton label={t.common.close} icon={X} keys="Esc" onClick={() => props.onClose()} />
        </header>
        <div class="pane-scroll">
          <Switch>
            <Match when={ofRoom()}>
              <RoomPanel chat={props.chat} person={person()} />
            </Match>
            <Match when={props.detail.show === "about"}>
              <About chat={props.chat} />
            </Match>
            <Match when={props.detail.show === "search"}>
              <Find roomId={props.chat.roomId} />
            </Match>
            <Match when={traced()} keyed>
              {(messageId) => <Xray roomId={props.chat.roomId} messageId={messageId} />}
            </Match>
          </Switch>
        </div>
      </aside>
    </>
  );
}

function About(props: { chat: Room }): JSX.Element {
  const app = useApp();
  const [asking, setAsking] = createSignal(false);
  const peer = () => props.chat.peer;
  const contact = () => (peer() ? app.contacts.get(peer()!.account) : undefined);
  const isBlocked = () =>
    contact()?.blocked ?? (peer() ? app.blocked.get(peer()!.account) !== undefined : false);
  const [nickname, setNickname] = createSignal("");
  createEffect(() => setNickname(contact()?.nickname ?? ""));

  async function saveNickname(event: SubmitEvent) {
    event.preventDefault();
    const kept = await app.ask("contacts.nickname", {
      account: peer()!.account,
      nickname: nickname().trim() || null,
    });
    if (!kept) return;
    app.contacts.put(kept);
    say({ level: "done", text: t.common.saved });
  }
  async function block() {
    const account = peer()!.account;
    if (!(await app.ask("contacts.block", { account }))) return;
    app.blocked.put({ account, displayName: props.chat.title });
    say({ level: "done", text: t.requests.blocked(props.chat.title) });
  }
  return (
    <div class="about">
      <div class="about-head">
        <ChatAvatar chat={props.chat} size="huge" plain />
        <h3 dir="auto">{titleOf(props.chat)}</h3>
        <p class="muted">{peer()?.address ?? t.chat.notesAddress}</p>
      </div>
      <Show when={peer()}>
        {(person) => (
          <>
            <section class="block">
              <h4>{t.about.safety}</h4>
              <VerifiedLine verified={person().verified} name={props.chat.title} />
              <Button
                icon={ShieldCheck}
                testid="safety-number"
                onClick={() => setOverlay({ show: "safety", account: person().account })}
              >
                {person().verified ? t.about.safetyShow : t.safety.verify}
              </Button>
            </section>
            <section class="block">
              <Facts>
                <Fact name={t.about.server}>
                  <a href={routePath({ at: "servers", serverId: person().serverId })}>
                    {person().serverName}
                  </a>
                </Fact>
                <Show when={contact()}>
                  {(known) => <Fact name={t.about.since}>{dayName(known().since, Date.now())}</Fact>}
                </Show>
                <Fact name={t.about.account}>
                  <Fingerprint of={person().account} />
                </Fact>
              </Facts>
            </section>
            <form class="block" onSubmit={(event) => void saveNickname(event)}>
              <Field
                label={t.about.nickname}
                hint={t.about.nicknameHint}
                value={nickname()}
                maxLength={64}
                onType={setNickname}
                placeholder={person().displayName}
              >
                <Button type="submit" disabled={nickname().trim() === (contact()?.nickname ?? "")}>
                  {t.common.save}
                </Button>
              </Field>
            </form>
          </>
        )}
      </Show>
      <Show when={props.chat.state === "open"}>
        <Disappearing chat={props.chat} />
      </Show>
      <section class="block column">
        <ChatChores chat={props.chat} />
        <Show when={peer()}>
          {(person) => (
            <Show
              when={isBlocked()}
              fallback={
                <Button look="quiet" class="danger-text" icon={Ban} onClick={() => setAsking(true)}>
                  {t.about.block}
                </Button>
              }
            >
              <Button
                look="quiet"
                icon={Ban}
                onClick={() => {
                  void app.ask("contacts.unblock", { account: person().account });
                  app.blocked.remove(person().account);
                }}
              >
                {t.about.unblock}
              </Button>
            </Show>
          )}
        </Show>
      </section>
      <Show when={asking()}>
        <Confirm
          title={t.about.blockConfirm(props.chat.title)}
          body={t.about.blockBody}
          action={t.about.block}
          onConfirm={() => void block()}
          onClose={() => setAsking(false)}
        />
      </Show>
    </div>
  );
}

function Find(props: { roomId: string }): JSX.Element {
  const app = useApp();
  const [words, setWords] = createSignal("");
  const search = createSearch(app, words, () => props.roomId);
  const now = createClock(everyHalfMinute);
  const said = () => {
    if (!search.active()) return t.find.start;
    if (search.busy()) return t.chats.searching;
    return search.hits().length === 0 ? t.find.none : t.find.found(search.hits().length);
  };
  return (
    <div class="find">
      <div class="search-field" role="search" aria-label={t.find.title}>
        <Search size={17} />
        <input
          type="text"
          inputMode="search"
          autocomplete="off"
          aria-label={t.find.field}
          placeholder={t.find.field}
          data-testid="chat-search-field"
          value={words()}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
      </div>
      <p class="list-note" role="status">
        {said()}
      </p>
      <Rows label={t.find.title} each={search.hits()} keyOf={(hit) => hit.message.messageId}>
        {(hit, tab) => (
          <a
            class="row"
            href={routePath(messageOf(app.place.route(), props.roomId, hit.message.messageId))}
            tabIndex={tab()}
            data-row={hit.message.messageId}
            data-testid="chat-search-hit"
          >
            <span class="row-text">
              <span class="row-line">
                <span class="row-title small">{hit.message.mine ? t.chat.you : hit.message.senderName}</span>
                <time class="row-time" title={fullDate(hit.message.sentAt)}>
                  {listTime(hit.message.sentAt, now())}
                </time>
              </span>
              <span class="row-preview two" dir="auto">
                <Snippet of={hit.snippet} />
              </span>
            </span>
          </a>
        )}
      </Rows>
    </div>
  );
}

type Step = Result<"messages.xray">[number];

/** On which way, who keeps it how long, when it is tried again, and what to do meanwhile. */
function StepDetails(props: { step: Step }): JSX.Element {
  const any = () => props.step.path ?? props.step.keptUntil ?? props.step.nextTryAt ?? props.step.fix;
  return (
    <Show when={any()}>
      <dl class="step-details">
        <Show when={props.step.path}>
          {(path) => (
            <div data-testid="xray-path">
              <dt>{t.xray.way}</dt>
              <dd>
                {path()
                  .map(({ name }) => name)
                  .join(" → ")}
              </dd>
            </div>
          )}
        </Show>
        <Show when={props.step.keptUntil}>
          {(until) => (
            <div>
              <dt>{t.xray.keptUntil}</dt>
              <dd>
                <time title={fullDate(until())}>{dayAndClock(until())}</time>
              </dd>
            </div>
          )}
        </Show>
        <Show when={props.step.nextTryAt}>
          {(at) => (
            <div>
              <dt>{t.xray.nextTry}</dt>
              <dd>
                <time title={fullDate(at())}>
                  <Countdown until={at()} words={t.xray.inSeconds} />
                </time>
              </dd>
            </div>
          )}
        </Show>
        <Show when={props.step.fix}>
          {(fix) => (
            <div data-testid="xray-fix">
              <dt>{t.xray.fix}</dt>
              <dd>{fix()}</dd>
            </div>
          )}
        </Show>
      </dl>
    </Show>
  );
}

const stepIcons = { done: CircleCheck, now: CircleDot, pending: CircleDashed, failed: CircleX } as const;

function Xray(props: { roomId: string; messageId: string }): JSX.Element {
  const app = useApp();
  const message = () => app.timeline(props.roomId).state.byId[props.messageId];
  const link = () => app.servers.get(app.rooms.get(props.roomId)?.peer?.serverId ?? "");
  const [steps, { refetch }] = createResource<Step[] | null>(() =>
    app.ask("messages.xray", { messageId: props.messageId }),
  );
  createEffect(
    on(
      () => [message()?.state, message()?.cause, link()?.state, link()?.cause?.code],
      () => void refetch(),
      { defer: true },
    ),
  );
  // Receipts of relays come without a change of the message itself.
  createEffect(() => {
    if (message()?.state !== "submitted") return;
    const timer = setInterval(() => void refetch(), xrayRefreshMs);
    onCleanup(() => clearInterval(timer));
  });
  return (
    <div class="xray">
      <Show when={message()}>
        {(known) => (
          <blockquote class="xray-text" dir="auto">
            {known().text}
          </blockquote>
        )}
      </Show>
      <p class="muted">{t.xray.lead}</p>
      <Show
        when={(steps.latest ?? []).length > 0}
        fallback={
          <Show when={!steps.loading}>
            <Empty icon={CircleDashed} text={t.xray.empty} />
          </Show>
        }
      >
        <ol class="steps-way">
          <For each={steps.latest ?? []}>
            {(step) => (
              <li data-state={step.state} data-testid="xray-step">
                <Dynamic
                  component={stepIcons[step.state]}
                  size={18}
                  aria-label={t.xray.states[step.state]}
                  role="img"
                />
                <div>
                  {step.sentence}
                  <Show when={step.at}>
                    {(at) => (
                      <time class="muted" title={fullDate(at())}>
                        {dayAndClock(at())}
                      </time>
                    )}
                  </Show>
                  <StepDetails step={step} />
                </div>
              </li>
            )}
          </For>
        </ol>
      </Show>
    </div>
  );
}
