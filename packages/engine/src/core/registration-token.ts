/** What opens an account, as people are given it: an account invitation's link or its end, or a bare token. */
import type { ServerId } from "@fedchat/protocol";
import { decodeBase32, DecodeError, fromBase64Url, parseAccountFragment } from "@fedchat/protocol";
import { engineError } from "./causes.ts";

/**
 * Throws `EngineError`: `bad-token`, or `other-server` where the link is of another homeserver than ours.
 * @param text a link, what stands behind its `#`, the token in base32, or the owner's as its file has it (base64url)
 */
export function registrationTokenFrom(text: string, ours: ServerId): Uint8Array {
  const written = text.trim();
  const invited = parseAccountFragment(written.replace(/^[^#]*#/, ""));
  if (invited !== undefined) {
    if (invited.server !== ours) throw engineError("other-server");
    if (invited.token === undefined) throw engineError("bad-token");
    return invited.token;
  }
  if (/^[A-Za-z0-9_-]{43}$/.test(written)) return fromBase64Url(written);
  try {
    return decodeBase32(written.toLowerCase().replaceAll(/[\s-]/g, ""));
  } catch (error) {
    if (error instanceof DecodeError) throw engineError("bad-token");
    throw error;
  }
}
