/** Queues sealed notes to accounts, within the transaction that they belong to. */
import type { AccountNote, Clock, OpenedAccountRecord, Primitives, RandomSource } from "@fedchat/protocol";
import { envelopeId, noteEnvelopeKind, ProtocolError } from "@fedchat/protocol";
import type { NewOutgoing } from "../store/transport-table.ts";
import type { Identity } from "./identity.ts";
import { sealNote } from "./sealed-notes.ts";

export class NotesSender {
  readonly #identity: Identity;
  readonly #primitives: Primitives;
  readonly #clock: Pick<Clock, "now">;
  readonly #random: RandomSource;

  constructor(ports: {
    identity: Identity;
    primitives: Primitives;
    clock: Pick<Clock, "now">;
    random: RandomSource;
  }) {
    this.#identity = ports.identity;
    this.#primitives = ports.primitives;
    this.#clock = ports.clock;
    this.#random = ports.random;
  }

  /** A note's envelope, ready to be queued. Throws `ProtocolError("malformed")` for an unusable recipient. */
  envelope(...to: Parameters<NotesSender["envelopeIfUsable"]>): NewOutgoing {
    const envelope = this.envelopeIfUsable(...to);
    if (envelope === undefined) throw new ProtocolError("malformed", "account-record: no usable request key");
    return envelope;
  }

  /** The same; undefined for an unusable recipient, where what it belongs to goes on without them. */
  envelopeIfUsable(
    recipient: OpenedAccountRecord,
    request: AccountNote["request"],
    content: AccountNote["content"],
  ): NewOutgoing | undefined {
    const { device, signatureSeed, record } = this.#identity.self;
    const created = this.#clock.now();
    const to = recipient.record.account;
    const note = { request, sender: record, device, to, created, content };
    const payload = sealNote(this.#primitives, this.#random, { note, signatureSeed, recipient });
    if (payload === undefined) return undefined;
    return {
      envelope: envelopeId.fromBytes(this.#random.bytes(16)),
      kind: noteEnvelopeKind(content.kind),
      created,
      server: recipient.record.server,
      accounts: [to],
      lane: to,
      payload,
      // Whoever asks or accepts expects something back.
      grantFirst: ["request", "ask", "acceptance", "enter"].includes(content.kind) ? 1 : 0,
      purpose: content.kind === "request" || content.kind === "ask" ? "request" : "note",
      subject: request,
    };
  }
}
