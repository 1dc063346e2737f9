/** One line that says how this server can be reached. */
import type { Status } from "@fedchat/engine/interface";
import Globe from "lucide-solid/icons/globe";
import Laptop from "lucide-solid/icons/laptop";
import Router from "lucide-solid/icons/router";
import { Dynamic } from "solid-js/web";
import type { JSX } from "solid-js";

const icons = { direct: Globe, proxy: Globe, lan: Router, "this-machine": Laptop, unknown: Router } as const;

export function ReachLine(props: { reach: Status["reach"] }): JSX.Element {
  return (
    <p class="reach" data-testid="reach" data-kind={props.reach.kind}>
      <Dynamic component={icons[props.reach.kind]} size={16} />
      {props.reach.sentence}
    </p>
  );
}
