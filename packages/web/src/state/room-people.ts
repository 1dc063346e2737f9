/**
 * Who takes part in the room that is looked at: asked of the engine, and again whenever it tells that the room changed.
 * While one question is on its way further news wait for its answer, so that a busy room asks one question at a time.
 */
import type { Cause, RoomPerson } from "@fedchat/engine/interface";
import { batch, createEffect, createSignal, on, onCleanup } from "solid-js";
import { causeOf, type App } from "./app.ts";
import { createCollection } from "./collection.ts";

export interface RoomPeople {
  /** As the engine orders them; null until they were told for the first time. */
  all(): RoomPerson[] | null;
  get(account: string): RoomPerson | undefined;
  cause(): Cause | null;
}

export function createRoomPeople(app: App, roomId: () => string): RoomPeople {
  const people = createCollection<RoomPerson>(({ person }) => person.account);
  const [order, setOrder] = createSignal<{ of: string; accounts: string[] } | null>(null);
  const [cause, setCause] = createSignal<Cause | null>(null);
  let asking = false;
  let again = false;
  let gone = false;
  onCleanup(() => (gone = true));

  async function ask() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    do {
      again = false;
      await askOnce(roomId());
    } while (again && !gone);
    asking = false;
  }

  async function askOnce(room: string) {
    try {
      const told = await app.call("rooms.people", { roomId: room });
      if (gone || room !== roomId()) return;
      batch(() => {
        setCause(null);
        people.replace(told);
        setOrder({ of: room, accounts: told.map(({ person }) => person.account) });
      });
    } catch (error) {
      if (!gone) setCause(causeOf(error));
    }
  }

  createEffect(on([roomId, () => app.roomTold(roomId())], () => void ask()));
  const known = () => order()?.of === roomId();
  return {
    all: () => (known() ? order()!.accounts.flatMap((account) => people.get(account) ?? []) : null),
    get: (account) => (known() ? people.get(account) : undefined),
    cause,
  };
}
