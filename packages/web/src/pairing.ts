/**
 * Pairing of this browser as a screen of a FedChat elsewhere. Invariant: the one-time secret leaves the address bar and
 * the history before anything else happens, and goes to that FedChat only inside the request's body.
 */
import type { Cause } from "@fedchat/engine/interface";

/** The secret of the link that led here; undefined where the link was cut. */
export function takeToken(place: Location, history: History): string | undefined {
  const token = place.hash.slice(1);
  history.replaceState(null, "", place.pathname);
  return token === "" ? undefined : token;
}

export type PairingOutcome = { secret: string } | { cause: Cause };

export async function pair(form: { token: string; password: string; name: string }): Promise<PairingOutcome> {
  try {
    const answer = await fetch("/pair", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(form),
      credentials: "same-origin",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
    return (await answer.json()) as PairingOutcome;
  } catch {
    return { cause: unreachable };
  }
}

const unreachable: Cause = {
  code: "unreachable",
  sentence: "FedChat did not answer.",
  fix: "Look whether it runs, and try again.",
  retry: "now",
};
