/** Where a message of ours is, step by step, and since when; only what was confirmed counts as done. */
import type { XrayStep } from "../interface/index.ts";
import type { z } from "zod";
import type { MessageRow } from "../store/messages-table.ts";
import { decodeCause } from "./causes.ts";

type Step = z.infer<typeof XrayStep>;

export function xrayOf(message: MessageRow, names: { own: string; theirs: string; peer: string }): Step[] {
  if (message.mine === 0)
    return [done(message.receivedAt, `Received from ${names.peer} and decrypted here.`)];
  if (message.state === "read" && message.submittedAt === null)
    return [done(message.sentAt, "Kept on this engine only.")];
  const steps: [at: number | null, text: string][] = [
    [message.sentAt, "Encrypted and kept by this engine."],
    [message.submittedAt, `On disk at your homeserver, ${names.own}.`],
    [message.forwardedAt, `On disk at their homeserver, ${names.theirs}.`],
    [message.deliveredAt, `${names.peer}'s engine has it.`],
    [message.readAt, `${names.peer} has read it.`],
  ];
  // A later confirmation proves the steps before it, whose own times may be unknown.
  const reached = steps.findLastIndex(([at]) => at !== null);
  const cause = decodeCause(message.cause);
  return steps.map(([at, sentence], index) => {
    if (index <= reached) return done(at, sentence);
    const isNext = index === reached + 1;
    if (isNext && message.state === "failed")
      return { at: null, state: "failed", sentence: cause?.sentence ?? sentence };
    const waits = isNext && cause !== null ? `${sentence} Waiting: ${cause.sentence}` : sentence;
    return { at: null, state: isNext ? "now" : "pending", sentence: waits };
  });
}

function done(at: number | null, sentence: string): Step {
  return { at, state: "done", sentence };
}
