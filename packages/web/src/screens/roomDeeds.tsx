/** What is done to a person in a room: how it is offered, what the dialog says before it happens, and the doing. */
import type { Role, Room, RoomPerson } from "@fedchat/engine/interface";
import Ban from "lucide-solid/icons/ban";
import Crown from "lucide-solid/icons/crown";
import DoorOpen from "lucide-solid/icons/door-open";
import Shield from "lucide-solid/icons/shield";
import UserRound from "lucide-solid/icons/user-round";
import UserRoundMinus from "lucide-solid/icons/user-round-minus";
import { Show, type JSX } from "solid-js";
import type { IconType } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import type { App } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import type { Deed } from "../text/rooms.ts";

/** What was chosen and waits for a yes. */
export interface AskedDeed {
  deed: Deed;
  target: RoomPerson;
  /** As they are called here. */
  name: string;
}

const roleIcons: Record<Role, IconType> = {
  owner: Crown,
  moderator: Shield,
  member: UserRound,
  guest: DoorOpen,
};

export function offerOf(deed: Deed): { label: string; icon: IconType; danger: boolean; testid: string } {
  switch (deed.kind) {
    case "role":
      return {
        label: t.rooms.deeds.role[deed.role],
        icon: roleIcons[deed.role],
        danger: false,
        testid: `make-${deed.role}`,
      };
    case "remove":
      return {
        label: t.rooms.deeds.remove,
        icon: UserRoundMinus,
        danger: true,
        testid: "remove-person",
      };
    case "ban":
      return { label: t.rooms.deeds.ban, icon: Ban, danger: true, testid: "ban-person" };
  }
}

export function ConfirmDeed(props: {
  chat: Room;
  asked: AskedDeed | null;
  onClose: () => void;
}): JSX.Element {
  const app = useApp();
  return (
    <Show when={props.asked} keyed>
      {(asked) => {
        const words = wordsOf(asked);
        return (
          <Confirm
            title={words.title}
            body={words.body}
            action={words.action}
            look={asked.deed.kind === "role" ? "primary" : "danger"}
            onConfirm={() => void carryOut(app, props.chat.roomId, asked)}
            onClose={props.onClose}
          />
        );
      }}
    </Show>
  );
}

function wordsOf({ deed, target, name }: AskedDeed): { title: string; body: string; action: string } {
  const words = t.rooms.deeds;
  switch (deed.kind) {
    case "role":
      return {
        title: target.self ? words.ownRoleConfirm[deed.role] : words.roleConfirm[deed.role](name),
        body: target.self ? words.stepDown : words.roleBody[deed.role],
        action: words.role[deed.role],
      };
    case "remove":
      return { title: words.removeConfirm(name), body: words.removeBody, action: words.remove };
    case "ban":
      return { title: words.banConfirm(name), body: words.banBody, action: words.ban };
  }
}

async function carryOut(app: App, roomId: string, { deed, target }: AskedDeed): Promise<void> {
  const { account } = target.person;
  const changed =
    deed.kind === "role"
      ? await app.ask("rooms.setRole", { roomId, account, role: deed.role })
      : await app.ask("rooms.remove", { roomId, account, ...(deed.kind === "ban" ? { ban: true } : {}) });
  if (changed) app.rooms.put(changed);
}
