/** The commands that make sense now, in the order in which they are shown. */
import type { Room } from "@fedchat/engine/interface";
import BellDot from "lucide-solid/icons/bell-dot";
import CheckCheck from "lucide-solid/icons/check-check";
import ClipboardPaste from "lucide-solid/icons/clipboard-paste";
import Contrast from "lucide-solid/icons/contrast";
import Copy from "lucide-solid/icons/copy";
import ExternalLink from "lucide-solid/icons/external-link";
import Inbox from "lucide-solid/icons/inbox";
import Keyboard from "lucide-solid/icons/keyboard";
import Link2 from "lucide-solid/icons/link-2";
import LogOut from "lucide-solid/icons/log-out";
import MailPlus from "lucide-solid/icons/mail-plus";
import MessageCircle from "lucide-solid/icons/message-circle";
import Network from "lucide-solid/icons/network";
import NotebookPen from "lucide-solid/icons/notebook-pen";
import PanelRight from "lucide-solid/icons/panel-right";
import Pencil from "lucide-solid/icons/pencil";
import RefreshCw from "lucide-solid/icons/refresh-cw";
import Search from "lucide-solid/icons/search";
import ServerIcon from "lucide-solid/icons/server";
import Settings from "lucide-solid/icons/settings";
import ShieldCheck from "lucide-solid/icons/shield-check";
import Stethoscope from "lucide-solid/icons/stethoscope";
import UserRoundPlus from "lucide-solid/icons/user-round-plus";
import Users from "lucide-solid/icons/users";
import type { IconType } from "../parts/Button.tsx";
import { copyText } from "../parts/copy.ts";
import { openRoom, room } from "../router.ts";
import type { App } from "../state/app.ts";
import { setDetail, setOverlay } from "../state/panel.ts";
import { setTheme, themes } from "../state/theme.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { isInvitation } from "../text/names.ts";
import { isIn, mayAdd, mayRename } from "../text/rooms.ts";
import { titleOf } from "./ChatList.tsx";
import { popOut } from "./Conversation.tsx";
import { searchAll, step } from "./keyboard.ts";
import { roomsInOrder } from "./waiting.ts";

export interface Command {
  group: string;
  name: string;
  icon: IconType;
  run: () => void;
  /** Further words by which it is found. */
  also?: string;
  hint?: string;
  keys?: string;
  /** Shown whatever the words are. */
  always?: boolean;
}

export function commandsOf(app: App, words: string): Command[] {
  if (app.place.route().at === "window") return [...here(app), ...looking()];
  return [...pasted(words), ...chats(app), ...here(app), ...doing(app), ...going(app), ...looking()];
}

function pasted(words: string): Command[] {
  if (isInvitation(words))
    return [
      {
        group: t.commands.groups.do,
        name: t.commands.useInvitation,
        icon: MailPlus,
        always: true,
        run: () => setOverlay({ show: "paste", link: words.trim() }),
      },
    ];
  return [];
}

function chats(app: App): Command[] {
  return roomsInOrder(app).map((chat) => ({
    group: t.nav.chats,
    name: titleOf(chat),
    also: chat.peer?.address ?? "",
    icon: { notes: NotebookPen, pair: MessageCircle, group: Users }[chat.kind],
    ...(chat.peer ? { hint: chat.peer.address } : {}),
    ...(chat.group && chat.state !== "closed" ? { hint: t.rooms.count(chat.group.people) } : {}),
    run: () => app.place.go(room(chat.roomId)),
  }));
}

function here(app: App): Command[] {
  const route = app.place.route();
  const chat = app.rooms.get(openRoom(route) ?? "");
  if (!chat) return [];
  const group = t.commands.groups.chat;
  const last = chat.lastMessage;
  const peer = chat.peer;
  return [
    {
      group,
      name: t.commands.searchHere,
      icon: Search,
      keys: "Ctrl Shift F",
      run: () => setDetail({ show: "search" }),
    },
    { group, name: t.commands.about, icon: PanelRight, run: () => setDetail({ show: "about" }) },
    ...ofRoom(chat),
    ...(peer
      ? [
          {
            group,
            name: t.commands.safety,
            icon: ShieldCheck,
            run: () => void setOverlay({ show: "safety", account: peer.account }),
          },
        ]
      : []),
    ...(route.at === "room"
      ? [{ group, name: t.commands.popOut, icon: ExternalLink, run: () => popOut(chat.roomId) }]
      : []),
    ...(last && chat.unread > 0
      ? [
          {
            group,
            name: t.commands.markRead,
            icon: CheckCheck,
            run: () => void app.ask("messages.markRead", { roomId: chat.roomId, messageId: last.messageId }),
          },
        ]
      : []),
  ];
}

function ofRoom(chat: Room): Command[] {
  if (!isIn(chat)) return [];
  const group = t.commands.groups.chat;
  const { roomId } = chat;
  return [
    {
      group,
      name: t.commands.roomPeople,
      icon: Users,
      run: () => setDetail({ show: "about" }),
    },
    ...(mayAdd(chat)
      ? [
          {
            group,
            name: t.commands.addPeople,
            also: t.commands.invite,
            icon: UserRoundPlus,
            run: () => setOverlay({ show: "add-people" as const, roomId }),
          },
        ]
      : []),
    ...(mayRename(chat)
      ? [
          {
            group,
            name: t.commands.renameRoom,
            icon: Pencil,
            run: () => setOverlay({ show: "rename-room" as const, roomId }),
          },
        ]
      : []),
    {
      group,
      name: t.commands.leaveRoom,
      icon: LogOut,
      run: () => setOverlay({ show: "leave-room" as const, roomId }),
    },
  ];
}

function doing(app: App): Command[] {
  const group = t.commands.groups.do;
  const unread = roomsInOrder(app).filter((chat) => chat.unread > 0);
  return [
    { group, name: t.commands.invite, icon: MailPlus, run: () => setOverlay({ show: "invite" }) },
    {
      group,
      name: t.commands.newRoom,
      also: t.commands.newRoomAlso,
      icon: UserRoundPlus,
      run: () => setOverlay({ show: "new-room" }),
    },
    {
      group,
      name: t.commands.paste,
      icon: ClipboardPaste,
      run: () => setOverlay({ show: "paste", link: "" }),
    },
    { group, name: t.commands.linkServer, icon: Link2, run: () => app.place.go({ at: "link-server" }) },
    {
      group,
      name: t.commands.search,
      icon: Search,
      keys: "Ctrl F",
      run: () => searchAll(app),
    },
    ...(unread.length > 0
      ? [
          {
            group,
            name: t.commands.nextUnread,
            icon: BellDot,
            keys: "Alt Shift ↓",
            run: () => step(app, 1, true),
          },
          {
            group,
            name: t.commands.markAllRead,
            icon: CheckCheck,
            run: () => {
              for (const { roomId, lastMessage } of unread)
                if (lastMessage)
                  void app.ask("messages.markRead", { roomId, messageId: lastMessage.messageId });
            },
          },
        ]
      : []),
    {
      group,
      name: t.commands.copyAddress,
      icon: Copy,
      hint: app.status()?.me?.address ?? "",
      run: () =>
        void copyText(app.status()?.me?.address ?? "").then(
          (done) => done && say({ level: "done", text: t.common.copied }),
        ),
    },
    {
      group,
      name: t.commands.refreshPeople,
      icon: RefreshCw,
      run: () =>
        void app.ask("people.list", { refresh: true }).then((people) => {
          if (people) app.people.replace(people);
        }),
    },
  ];
}

function going(app: App): Command[] {
  const group = t.commands.groups.go;
  return [
    { group, name: t.commands.people, icon: Users, run: () => app.place.go({ at: "people", account: null }) },
    {
      group,
      name: t.commands.requests,
      icon: Inbox,
      run: () => app.place.go({ at: "requests", requestId: null }),
    },
    {
      group,
      name: t.commands.servers,
      icon: ServerIcon,
      run: () => app.place.go({ at: "servers", serverId: null }),
    },
    ...(app.status()?.homeserver.administrator
      ? [
          {
            group,
            name: t.doctor.entry,
            also: t.doctor.title,
            icon: Stethoscope,
            run: () => app.place.go({ at: "doctor" }),
          },
        ]
      : []),
    {
      group,
      name: t.commands.map,
      icon: Network,
      run: () => app.place.go({ at: "map", serverId: null }),
    },
    {
      group,
      name: t.commands.settings,
      icon: Settings,
      run: () => app.place.go({ at: "settings", section: null }),
    },
  ];
}

function looking(): Command[] {
  const group = t.commands.groups.look;
  return [
    ...themes.map((theme) => ({
      group,
      name: t.commands.theme(t.settings.themes[theme]),
      icon: Contrast,
      run: () => setTheme(theme),
    })),
    { group, name: t.commands.keys, icon: Keyboard, keys: "Ctrl /", run: () => setOverlay({ show: "keys" }) },
  ];
}
