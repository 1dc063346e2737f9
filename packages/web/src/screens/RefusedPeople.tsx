/** Contacts who could not be taken into a room, each with why and what to do. */
import type { Cause, Contact } from "@fedchat/engine/interface";
import { For, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { nameOf } from "../text/names.ts";

export function RefusedPeople(props: {
  contacts: readonly Contact[];
  refusals: Readonly<Record<string, Cause>>;
}): JSX.Element {
  return (
    <ul class="refused" data-testid="refused">
      <For each={props.contacts}>
        {(one) => (
          <li>
            <Avatar name={nameOf(one)} of={one.account} />
            <span class="row-text">
              <span class="row-title" dir="auto">
                {nameOf(one)}
              </span>
              <span class="picker-why">
                {props.refusals[one.account]?.sentence} {props.refusals[one.account]?.fix}
              </span>
            </span>
          </li>
        )}
      </For>
    </ul>
  );
}
