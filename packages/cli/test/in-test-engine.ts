/** A small engine behind the interface, for tests of what carries it: it answers, fails, and speaks up. */
import type {
  Devices,
  EngineEvent,
  InvitationPreview,
  Message,
  MethodName,
  Params,
  Person,
  SafetyNumber,
  XrayStep,
} from "@fedchat/engine/interface";
import type { Callable } from "@fedchat/engine/node";
import { ProtocolError } from "@fedchat/protocol";

export class InTestEngine implements Callable {
  readonly calls: { method: MethodName; params: unknown }[] = [];
  readonly messages: Message[] = [];
  /** Called with what `messages.send` made, before its answer leaves. */
  onSent: (message: Message) => void = () => undefined;
  /** What an X-ray of any message shows. */
  steps: XrayStep[] = [];
  /** What any invitation says. */
  preview: InvitationPreview | undefined;
  /** Whoever is looked for, and what is compared with them. */
  person: Person | undefined;
  number: SafetyNumber | undefined;
  devices: Devices | undefined;
  readonly #listeners = new Set<(event: EngineEvent) => void>();

  async call(method: MethodName, params: unknown): Promise<unknown> {
    this.calls.push({ method, params });
    if (method === "engine.subscribe") return { position: this.messages.length };
    if (method === "messages.xray") return this.steps;
    if (method === "people.find") return this.person;
    if (method === "invitations.inspect") return this.preview;
    if (method === "contacts.safetyNumber") return this.number;
    if (method === "contacts.verify")
      return { ...this.number, verified: { at: 1_800_000_000_000, how: "compared" } };
    if (method === "contacts.unverify") return { ...this.number, verified: null };
    if (method.startsWith("devices.")) return this.devices;
    if (method === "requests.decline") throw new ProtocolError("blocked");
    if (method === "messages.since") {
      const { after, limit = 500 } = params as Params<"messages.since">;
      return this.messages.filter(({ position }) => position > after).slice(0, limit);
    }
    if (method === "messages.send") {
      const { text } = params as Params<"messages.send">;
      const message = this.add({ text, mine: true, state: "waiting" });
      this.onSent(message);
      return message;
    }
    return [];
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  tell(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Commits a message and tells of it. */
  add(given: Partial<Message>): Message {
    const position = this.messages.length + 1;
    const message: Message = {
      messageId: String(position)
        .replaceAll(/\d/g, (digit) => "abcdefghij"[Number(digit)]!)
        .padStart(52, "a"),
      roomId: "r".repeat(26),
      position,
      kind: "text",
      sender: "s".repeat(52),
      senderName: "Bob",
      mine: false,
      sentAt: 1_800_000_000_000,
      receivedAt: 1_800_000_000_000,
      text: "",
      inReplyTo: null,
      state: null,
      stateAt: {},
      cause: null,
      expires: null,
      ...given,
    };
    this.messages.push(message);
    this.tell({ type: "message.added", message });
    return message;
  }
}
