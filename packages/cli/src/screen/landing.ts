/**
 * What strangers get on the homeserver's own port: the page where an invitation link lands and its assets, and, where
 * that is switched on, FedChat with an engine in the browser. The same for everybody; nobody is signed in by it.
 */
import { appPath } from "@fedchat/protocol";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ScreenFiles } from "./files.ts";
import { answerFile, htmlHeaders, pathOf } from "./files.ts";
import { appFileHeaders, appHeaders, landingHeaders } from "./headers.ts";
import { clientRoute } from "./requests.ts";
import { commandName } from "../terminal/command-name.ts";

/**
 * @param pending may still be under way; without files there is no page
 * @param app whether engines in browsers are served
 */
export async function answerLanding(
  pending: Promise<ScreenFiles>,
  app: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const files = await pending.catch(() => undefined);
  const path = pathOf(request);
  if (path === "/i" && files !== undefined) {
    return answerFile(request, response, files.landing, { ...landingHeaders, ...htmlHeaders });
  }
  const isApp =
    path === appPath || (path.startsWith(`${appPath}/`) && clientRoute.test(path.slice(appPath.length)));
  if (app && isApp && files !== undefined) {
    return answerFile(request, response, files.app, { ...appHeaders, ...htmlHeaders });
  }
  const asset = files?.assets.get(path);
  if (asset !== undefined) {
    return answerFile(request, response, asset.body, {
      ...(app ? appFileHeaders : landingHeaders),
      ...asset.headers,
    });
  }
  const headers = { ...landingHeaders, "Content-Type": "text/plain; charset=utf-8" };
  answerFile(request, response, path === appPath ? notHere : "This is a FedChat homeserver.\n", headers, 404);
}

const notHere =
  "This homeserver does not serve FedChat in the browser. With FedChat on your machine, use the whole address of this " +
  `page: ${commandName} chat --server 'https://…'\n`;
