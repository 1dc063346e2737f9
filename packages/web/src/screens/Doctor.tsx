/**
 * How others reach this server, looked at from there: what needs the person first, each with its fix as an action where
 * there is one. Findings come in while it goes on, so that nobody stares at an empty page.
 */
import type { Cause, Examination, Finding } from "@fedchat/engine/interface";
import CircleCheck from "lucide-solid/icons/circle-check";
import CircleMinus from "lucide-solid/icons/circle-minus";
import CircleX from "lucide-solid/icons/circle-x";
import RotateCw from "lucide-solid/icons/rotate-cw";
import TriangleAlert from "lucide-solid/icons/triangle-alert";
import { createMemo, createSignal, For, onCleanup, onMount, Show, type JSX } from "solid-js";
import { Dynamic } from "solid-js/web";
import { examinationPollMs } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { ReachLine } from "../parts/ReachLine.tsx";
import { CauseText, Spinner } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";
import { clock } from "../text/time.ts";

const icons = { passed: CircleCheck, warning: TriangleAlert, failed: CircleX, untestable: CircleMinus };
const worstFirst = { failed: 0, warning: 1, untestable: 2, passed: 3 };

export function Doctor(): JSX.Element {
  const app = useApp();
  const [seen, setSeen] = createSignal<Examination | null>(null);
  const [cause, setCause] = createSignal<Cause | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gone = false;
  onCleanup(() => {
    gone = true;
    clearTimeout(timer);
  });

  async function look(again: boolean) {
    clearTimeout(timer);
    try {
      const now = await app.call("servers.examine", { again });
      if (gone) return;
      setSeen(now);
      setCause(null);
      if (now.finishedAt === null) timer = setTimeout(() => void look(false), examinationPollMs);
    } catch (error) {
      if (!gone) setCause(causeOf(error));
    }
  }
  onMount(() => void look(false));

  const running = () => seen() !== null && seen()?.finishedAt === null;
  const findings = createMemo(() =>
    [...(seen()?.findings ?? [])].sort((a, b) => worstFirst[a.result] - worstFirst[b.result]),
  );
  const of = (result: Finding["result"]) => findings().filter((finding) => finding.result === result).length;

  return (
    <div class="pane-body" data-testid="doctor" data-running={running()}>
      <PaneHead title={t.doctor.title} back={{ at: "servers", serverId: null }} />
      <div class="pane-scroll page">
        <section class="card stack">
          <div class="doctor-head">
            <div>
              <h2 aria-live="polite" data-testid="doctor-verdict">
                {running() || !seen() ? t.doctor.running : t.doctor.verdict(of("failed"), of("warning"))}
              </h2>
              <p class="muted">
                <Show when={seen()?.finishedAt} fallback={t.doctor.lead}>
                  {(at) => t.doctor.at(clock(at()))}
                </Show>
              </p>
            </div>
            <Button
              icon={RotateCw}
              busy={running()}
              disabled={!seen() && !cause()}
              testid="doctor-again"
              onClick={() => void look(true)}
            >
              {t.doctor.again}
            </Button>
          </div>
          <Show when={app.status()}>{(status) => <ReachLine reach={status().reach} plain />}</Show>
          <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
        </section>
        <Show when={seen()}>
          <section class="card">
            <ul class="findings" aria-label={t.doctor.title}>
              <For each={findings()}>{(finding) => <FindingRow finding={finding} />}</For>
              <Show when={seen()?.pending.length}>
                <li class="finding" data-result="pending">
                  <Spinner />
                  <p class="muted">{t.doctor.pending(seen()?.pending ?? [])}</p>
                </li>
              </Show>
            </ul>
          </section>
        </Show>
      </div>
    </div>
  );
}

function FindingRow(props: { finding: Finding }): JSX.Element {
  return (
    <li
      class="finding"
      data-testid="finding"
      data-check={props.finding.check}
      data-result={props.finding.result}
      data-code={props.finding.code ?? ""}
    >
      <Dynamic component={icons[props.finding.result]} size={20} />
      <div class="finding-text">
        <h3>
          <span class="hidden">{t.doctor.results[props.finding.result]}: </span>
          <bdi>{props.finding.title}</bdi>
        </h3>
        <Show when={props.finding.sentence}>
          <p dir="auto">{props.finding.sentence}</p>
        </Show>
        <Show when={props.finding.fix}>
          <p class="finding-fix" dir="auto">
            {props.finding.fix}
          </p>
        </Show>
        <Show when={props.finding.action}>{(action) => <Act action={action()} />}</Show>
      </div>
    </li>
  );
}

function Act(props: { action: NonNullable<Finding["action"]> }): JSX.Element {
  const app = useApp();
  const action = props.action;
  switch (action.kind) {
    case "copy":
      return (
        <div class="finding-copy">
          <pre>
            <code>{action.text}</code>
          </pre>
          <Copy text={action.text} label={t.doctor.copyText} />
        </div>
      );
    case "server":
      return (
        <Button onClick={() => app.place.go({ at: "servers", serverId: action.server })}>
          {t.doctor.openServer}
        </Button>
      );
    case "linkServer":
      return <Button onClick={() => app.place.go({ at: "link-server" })}>{t.doctor.linkServer}</Button>;
    case "invite":
      return <Button onClick={() => setOverlay({ show: "invite" })}>{t.doctor.invite}</Button>;
  }
}
