/** FedChat's mark: two voices that interlock and keep their own places. */
import type { JSX } from "solid-js";

export const Mark = (props: { small?: boolean }): JSX.Element => (
  <img class={props.small ? "mark small" : "mark"} src="/mark.svg" alt="" width="64" height="64" />
);
