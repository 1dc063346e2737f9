/** What the person must be told that belongs to no single message, until they dismiss it. */
import type { ClientEvent, Clock } from "@fedchat/protocol";
import { fingerprint, fromWireError } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { NoticeRow } from "../store/invitations-table.ts";
import { causeOf, encodeCause } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { noticesMax } from "./limits.ts";

export class Notices {
  readonly #store: Pick<EngineStore, "notices" | "transaction">;
  readonly #clock: Pick<Clock, "now">;
  readonly #changes: Changes;

  constructor(ports: {
    store: Pick<EngineStore, "notices" | "transaction">;
    clock: Pick<Clock, "now">;
    changes: Changes;
  }) {
    this.#store = ports.store;
    this.#clock = ports.clock;
    this.#changes = ports.changes;
  }

  add(level: NoticeRow["level"], cause: Cause): void {
    const encoded = encodeCause(cause);
    // A peer that repeats itself does not repeat on the screen.
    if (this.#store.notices.list().some((notice) => notice.cause === encoded)) return;
    const id = this.#store.transaction(() => {
      const added = this.#store.notices.add({ level, cause: encoded, at: this.#clock.now() });
      this.#store.notices.keepNewest(noticesMax);
      return added;
    });
    this.#changes.mark("notice", id);
  }

  /** A loud matter told by the homeserver, such as a server whose key changed. */
  warn({ error, server }: Extract<ClientEvent, { kind: "warning" }>): void {
    const cause = causeOf(fromWireError(error));
    const named = server === null || cause.sentence.includes(server) || error.detail !== undefined;
    const sentence = named ? cause.sentence : `${cause.sentence} The server: ${fingerprint(server)}.`;
    this.add("danger", { ...cause, sentence });
  }

  dismiss(id: number): void {
    this.#store.notices.dismiss(id);
  }
}
