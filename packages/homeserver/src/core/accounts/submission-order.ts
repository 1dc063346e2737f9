/**
 * Keeps a session's order where an envelope is refused for now: others were on their way behind it, and would overtake
 * it. Invariant: until an envelope that was refused for now comes again, nothing else of this session is admitted for
 * any of its recipients. [H10]
 */
import type { AccountId, EnvelopeId, Submission } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { recipientsHeldBackMax } from "../limits.ts";

interface Refused {
  envelope: EnvelopeId;
  error: unknown;
}

export class SubmissionOrder {
  /** The earliest refused envelope, by recipient. */
  readonly #refused = new Map<AccountId, Refused>();

  /** Submits, or rejects as the envelope was rejected behind which this one has to wait. */
  async run(submission: Submission, submit: () => Promise<void>): Promise<void> {
    const recipients = submission.destinations.flatMap(({ accounts }) => accounts);
    try {
      this.#admit(submission.id, recipients);
      await submit();
    } catch (error) {
      const isFinal = error instanceof ProtocolError && error.retry === "never";
      if (!isFinal) this.#refuse(recipients, { envelope: submission.id, error });
      throw error;
    }
  }

  #admit(envelope: EnvelopeId, recipients: AccountId[]): void {
    for (const recipient of recipients) {
      const earlier = this.#refused.get(recipient);
      if (earlier !== undefined && earlier.envelope !== envelope) throw earlier.error;
    }
    for (const recipient of recipients) this.#refused.delete(recipient);
  }

  #refuse(recipients: AccountId[], refused: Refused): void {
    for (const recipient of recipients) {
      if (this.#refused.has(recipient)) continue;
      if (this.#refused.size === recipientsHeldBackMax)
        this.#refused.delete(this.#refused.keys().next().value!);
      this.#refused.set(recipient, refused);
    }
  }
}
