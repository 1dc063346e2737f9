/** Starts the screen: takes the session, follows the theme, draws. Trusts the page it came in. */
import { createSignal, Show } from "solid-js";
import { render } from "solid-js/web";
import { takeToken } from "./pairing.ts";
import { parseRoute } from "./router.ts";
import { browserPorts } from "./rpc.ts";
import { Pair } from "./screens/Pair.tsx";
import { SignedOut } from "./screens/SignedOut.tsx";
import { Screen } from "./screens/Screen.tsx";
import { takeSecret } from "./session.ts";
import { followOtherWindows } from "./state/theme.ts";
import "./styles/index.css";

const isPairing = location.pathname === "/pair";
const [pairingToken, setPairingToken] = createSignal(isPairing ? takeToken(location, history) : undefined);
// Another link opened in this tab differs in its fragment only, so that no browser loads the page anew.
if (isPairing) addEventListener("hashchange", () => setPairingToken(takeToken(location, history)));
const secret = takeSecret(document, localStorage);
followOtherWindows();

// The answer to the sign-in form has an address of its own, and loading that again would send the form again.
if (!isPairing && parseRoute(location.pathname, location.search).at === "chats")
  history.replaceState(null, "", "/");

render(
  () => (
    <Show when={!isPairing} fallback={<Pair token={pairingToken()} />}>
      <Show when={secret} fallback={<SignedOut />}>
        {(known) => <Screen secret={known()} ports={browserPorts(location)} />}
      </Show>
    </Show>
  ),
  document.getElementById("screen")!,
);
