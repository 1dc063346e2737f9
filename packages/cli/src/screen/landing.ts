/** What strangers get on the homeserver's own port: the page where an invitation link lands, its assets, nothing else. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ScreenFiles } from "./files.ts";
import { answerFile, htmlHeaders, pathOf } from "./files.ts";
import { landingHeaders } from "./headers.ts";

/** @param pending may still be under way; without files there is no page */
export async function answerLanding(
  pending: Promise<ScreenFiles>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const files = await pending.catch(() => undefined);
  const path = pathOf(request);
  if (path === "/i" && files !== undefined) {
    return answerFile(request, response, files.landing, { ...landingHeaders, ...htmlHeaders });
  }
  const asset = files?.assets.get(path);
  if (asset !== undefined) {
    return answerFile(request, response, asset.body, { ...landingHeaders, ...asset.headers });
  }
  const headers = { ...landingHeaders, "Content-Type": "text/plain; charset=utf-8" };
  answerFile(request, response, "This is a FedChat homeserver.\n", headers, 404);
}
