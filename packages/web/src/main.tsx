/** Starts the screen: takes the session, follows the theme, draws. Trusts the page it came in. */
import { Show } from "solid-js";
import { render } from "solid-js/web";
import { parseRoute } from "./router.ts";
import { browserPorts } from "./rpc.ts";
import { SignedOut } from "./screens/SignedOut.tsx";
import { Screen } from "./screens/Screen.tsx";
import { takeSecret } from "./session.ts";
import { followOtherWindows } from "./state/theme.ts";
import "./styles/index.css";

const secret = takeSecret(document, localStorage);
followOtherWindows();

// The answer to the sign-in form has an address of its own, and loading that again would send the form again.
if (parseRoute(location.pathname, location.search).at === "chats") history.replaceState(null, "", "/");

render(
  () => (
    <Show when={secret} fallback={<SignedOut />}>
      {(known) => <Screen secret={known()} ports={browserPorts(location)} />}
    </Show>
  ),
  document.getElementById("screen")!,
);
