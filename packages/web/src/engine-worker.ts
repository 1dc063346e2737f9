/** The one place where this package starts an engine: in a browser's worker, where the homeserver serves the screen. */
import "@fedchat/engine/browser/worker";
