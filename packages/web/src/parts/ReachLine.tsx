/** One line that says how this server can be reached, and for its administrator the way to what says why. */
import type { Status } from "@fedchat/engine/interface";
import Globe from "lucide-solid/icons/globe";
import Laptop from "lucide-solid/icons/laptop";
import Router from "lucide-solid/icons/router";
import Unplug from "lucide-solid/icons/unplug";
import Waypoints from "lucide-solid/icons/waypoints";
import { Show, type JSX } from "solid-js";
import { Dynamic } from "solid-js/web";
import { routePath } from "../router.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";

const icons = {
  direct: Globe,
  proxy: Globe,
  relay: Waypoints,
  lan: Router,
  "this-machine": Laptop,
  none: Unplug,
  unknown: Router,
} as const;

/** @param props.plain without that way */
export function ReachLine(props: { reach: Status["reach"]; plain?: boolean }): JSX.Element {
  const app = useApp();
  return (
    <p class="reach" data-testid="reach" data-kind={props.reach.kind}>
      <Dynamic component={icons[props.reach.kind]} size={16} />
      <span>
        {props.reach.sentence}{" "}
        <Show when={!props.plain && app.status()?.me && app.status()?.homeserver.administrator}>
          <a href={routePath({ at: "doctor" })} data-testid="why-reach" onClick={() => setOverlay(null)}>
            {t.doctor.why}
          </a>
        </Show>
      </span>
    </p>
  );
}
