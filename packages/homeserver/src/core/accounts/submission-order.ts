/**
 * Keeps a session's order where an envelope is refused for now: others were on their way behind it, and would overtake
 * it. Invariant: from then on everything of this session for one of its recipients is refused as it was, until one of
 * those that were refused comes again. Whoever submits tries again in order, once nothing is under way. [H10]
 */
import type { AccountId, EnvelopeId, Submission } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { refusedForNowMax } from "../limits.ts";

interface Refused {
  error: unknown;
  envelopes: Set<EnvelopeId>;
}

export class SubmissionOrder {
  readonly #refused = new Map<AccountId, Refused>();

  /** Submits, or rejects as the envelope was rejected behind which this one was on its way. */
  async run(submission: Submission, submit: () => Promise<void>): Promise<void> {
    const recipients = submission.destinations.flatMap(({ accounts }) => accounts);
    try {
      this.#admit(submission.id, recipients);
      await submit();
    } catch (error) {
      const isFinal = error instanceof ProtocolError && error.retry === "never";
      if (!isFinal) for (const recipient of recipients) this.#refuse(submission.id, recipient, error);
      throw error;
    }
  }

  #admit(envelope: EnvelopeId, recipients: AccountId[]): void {
    for (const recipient of recipients) {
      const refused = this.#refused.get(recipient);
      if (refused !== undefined && !refused.envelopes.has(envelope)) throw refused.error;
    }
    for (const recipient of recipients) this.#refused.delete(recipient);
  }

  #refuse(envelope: EnvelopeId, recipient: AccountId, error: unknown): void {
    const refused = this.#refused.get(recipient) ?? { error, envelopes: new Set() };
    refused.envelopes.add(envelope);
    this.#refused.set(recipient, refused);
    const isTooMuch = this.#refused.size > refusedForNowMax || refused.envelopes.size > refusedForNowMax;
    if (isTooMuch) this.#refused.delete(this.#refused.keys().next().value!);
  }
}
