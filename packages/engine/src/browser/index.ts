/** The engine in a browser, as a window sees it; its worker is `@fedchat/engine/browser/worker`. */
export { appPath, parseAccountFragment, type ServerId, wellKnownPath } from "@fedchat/protocol";
export { openBrowserEngine, type BrowserEngine, type ScreenSocket } from "./page.ts";
