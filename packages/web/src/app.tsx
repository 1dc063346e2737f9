/** Starts the screen that a homeserver serves with an engine in this browser. Trusts the page it came in. */
import { appPath } from "@fedchat/engine/browser";
import { Show } from "solid-js";
import { render } from "solid-js/web";
import { serveUnder } from "./router.ts";
import { NoEngine } from "./screens/NoEngine.tsx";
import { Screen } from "./screens/Screen.tsx";
import { openOwnEngine } from "./state/in-browser.ts";
import { followOtherWindows } from "./state/theme.ts";
import "./styles/index.css";

serveUnder(appPath);
followOtherWindows();
const { ports, inBrowser, failure } = openOwnEngine(location, history);

render(
  () => (
    <Show when={failure()} fallback={<Screen secret="" ports={ports} inBrowser={inBrowser} />}>
      {(sentence) => <NoEngine sentence={sentence()} />}
    </Show>
  ),
  document.getElementById("screen")!,
);
