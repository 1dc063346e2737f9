/** Where an own message is, as a small sign with its words: never a state that was not confirmed. */
import type { MessageState } from "@fedchat/engine/interface";
import Check from "lucide-solid/icons/check";
import CheckCheck from "lucide-solid/icons/check-check";
import CircleAlert from "lucide-solid/icons/circle-alert";
import Clock from "lucide-solid/icons/clock";
import { Match, Switch, type JSX } from "solid-js";
import { t } from "../strings.ts";

/** One tick: on my server. Ringed tick: on theirs. Two ticks: delivered. Two ticks in colour: read. */
export function StateIcon(props: { state: MessageState; forAll?: boolean }): JSX.Element {
  return (
    <span
      class="state"
      data-state={props.state}
      title={stateWords(props.state, props.forAll)}
      aria-hidden="true"
    >
      <Switch>
        <Match when={props.state === "waiting"}>
          <Clock size={13} />
        </Match>
        <Match when={props.state === "submitted"}>
          <Check size={15} />
        </Match>
        <Match when={props.state === "forwarded"}>
          <ForwardedTick />
        </Match>
        <Match when={props.state === "delivered" || props.state === "read"}>
          <CheckCheck size={16} />
        </Match>
        <Match when={props.state === "failed"}>
          <CircleAlert size={15} />
        </Match>
      </Switch>
    </span>
  );
}

/** @param forAll of a room of many */
export const stateWords = (state: MessageState, forAll = false): string =>
  (forAll ? t.chat.statesForAll : t.chat.states)[state];

/** A tick and the dot that will become the second one. */
const ForwardedTick = (): JSX.Element => (
  <svg
    viewBox="0 0 24 24"
    width="16"
    height="16"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    <path d="M18 6 7 17l-5-5" />
    <path d="m20.500 13.500 0 .01" stroke-width="3.500" />
  </svg>
);
