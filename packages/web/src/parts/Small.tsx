/** The smallest parts: a key in groups of four, a cause, an empty state, a countdown, facts, a badge. */
import type { Cause } from "@fedchat/engine/interface";
import Info from "lucide-solid/icons/info";
import TriangleAlert from "lucide-solid/icons/triangle-alert";
import { For, Show, type JSX } from "solid-js";
import { createClock, everySecond } from "../state/clock.ts";
import { inFours } from "../text/names.ts";
import { secondsLeft } from "../text/time.ts";
import { Button, type IconType } from "./Button.tsx";

export function Fingerprint(props: { of: string; testid?: string }): JSX.Element {
  return (
    <code class="fingerprint" data-testid={props.testid}>
      <For each={inFours(props.of)}>{(group) => <span>{group} </span>}</For>
    </code>
  );
}

export function CauseText(props: {
  cause: Cause;
  level?: "info" | "warning" | "danger";
  children?: JSX.Element;
}): JSX.Element {
  return (
    <div class={`cause ${props.level ?? "warning"}`} data-code={props.cause.code}>
      <Show when={props.level === "info"} fallback={<TriangleAlert size={18} />}>
        <Info size={18} />
      </Show>
      <div>
        <p class="cause-sentence">{props.cause.sentence}</p>
        <Show when={props.cause.fix}>
          <p class="cause-fix">{props.cause.fix}</p>
        </Show>
        {props.children}
      </div>
    </div>
  );
}

interface EmptyProps {
  icon: IconType;
  title?: string;
  text: string;
  action?: string;
  onAction?: () => void;
  look?: "primary" | "plain";
}

export function Empty(props: EmptyProps): JSX.Element {
  return (
    <div class="empty">
      <span class="empty-icon">
        <props.icon size={26} />
      </span>
      <Show when={props.title}>
        <h2>{props.title}</h2>
      </Show>
      <p>{props.text}</p>
      <Show when={props.action}>
        <Button look={props.look ?? "plain"} onClick={() => props.onAction?.()}>
          {props.action}
        </Button>
      </Show>
    </div>
  );
}

/** Counts down to a time, in the words given. */
export function Countdown(props: { until: number; words: (seconds: number) => string }): JSX.Element {
  const now = createClock(everySecond);
  return <span class="countdown">{props.words(secondsLeft(props.until, now()))}</span>;
}

export function Facts(props: { children: JSX.Element }): JSX.Element {
  return <dl class="facts">{props.children}</dl>;
}

export function Fact(props: { name: string; children: JSX.Element; testid?: string }): JSX.Element {
  return (
    <div class="fact">
      <dt>{props.name}</dt>
      <dd data-testid={props.testid}>{props.children}</dd>
    </div>
  );
}

export function Badge(props: { count: number; quiet?: boolean }): JSX.Element {
  return (
    <Show when={props.count > 0}>
      <span class={`badge ${props.quiet ? "quiet" : ""}`} aria-hidden="true">
        {props.count > 999 ? "999+" : props.count}
      </span>
    </Show>
  );
}

export const Spinner = (): JSX.Element => <span class="spinner" aria-hidden="true" />;
