/** Pages without script for what comes before the screen: a code to type, or why nothing opens. */
import { createHash } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { plainPageHeaders } from "./headers.ts";
import { commandName } from "../terminal/command-name.ts";

const style =
  ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{display:grid;place-items:center;min-height:90vh;margin:1rem}" +
  "main{max-width:28rem}h1{font-size:1.25rem}input,button{font:inherit;padding:.6rem .8rem;width:100%;box-sizing:border-box;margin-top:.6rem}";

export const pageHeaders: OutgoingHttpHeaders = plainPageHeaders(
  `sha256-${createHash("sha256").update(style).digest("base64")}`,
);

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${style}</style></head><body><main><h1>${title}</h1>${body}</main></body></html>\n`;
}

export const codePage = page(
  "Open FedChat",
  `<p>Run <code>${commandName} open --code</code> on this machine and paste the code here.</p>
<form method="post" action="/session"><label>Code<input name="token" autocomplete="off" required></label><button>Open</button></form>`,
);

export const spentPage = page(
  "This opened once already",
  `<p>The way in works once, for ten minutes. Run <code>${commandName} open</code> on this machine for a new one.</p>
<p>If FedChat was open in this window already: <a href="/">go on</a>.</p>`,
);

export const foreignPage = page(
  "Not from here",
  `<p>FedChat's screen is opened at its own address on this machine only. Run <code>${commandName} open</code>.</p>`,
);

export const signedOutPage = page(
  "This screen is not signed in",
  `<p>On the machine where FedChat runs, open <b>Settings</b>, <b>Screens</b>, and choose <b>Add a screen</b>. Then open its link here, or scan its code.</p>
<p>If FedChat was open in this browser already: <a href="/">go on</a>.</p>`,
);

export const unknownNamePage = page(
  "Not under this name",
  `<p>FedChat's screen is opened under a name that this homeserver announces and its certificate is for. If a proxy stands in front, it has to pass on the <code>Host</code> that the browser asked for.</p>`,
);
