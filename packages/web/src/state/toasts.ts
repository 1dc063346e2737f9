/** Passing words: something was done, or could not be. What must not be missed is a notice, not a toast. */
import type { Cause } from "@fedchat/engine/interface";
import { createSignal } from "solid-js";

export type Saying = { level: "done"; text: string } | { level: "danger"; cause: Cause };

const [said, setSaid] = createSignal<Saying | null>(null, { equals: false });

export { said };

export function say(saying: Saying) {
  setSaid(saying);
}
