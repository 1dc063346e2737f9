/**
 * Devices of which the person is asked whether they still have them. A browser that lost everything does not know which
 * device of the account it was; until that one is taken off the list, everything is encrypted for it, too. This window
 * remembers whom it asks about, and nothing that opens anything.
 */
import type { Device } from "@fedchat/engine/interface";
import { createSignal } from "solid-js";
import type { App } from "./app.ts";
import type { Lived } from "./lived-here.ts";

const key = "fedchat.perhaps-gone";
const [asked, setAsked] = createSignal<readonly string[]>((localStorage.getItem(key) ?? "").split(" "));

/**
 * This browser has just become a device of the account.
 * @param former what it was before, as far as it knows
 * @param byCode another device linked it, which is there
 */
export async function cameIn(
  app: App,
  { former, byCode }: { former: Lived | null; byCode: boolean },
): Promise<void> {
  const listed = await app.ask("devices.list", {});
  if (listed === null) return;
  app.setDevices(listed);
  const others = listed.devices.filter(({ self }) => !self).map(({ deviceId }) => deviceId);
  if (typeof former?.device === "string") askAbout(others.filter((one) => one === former.device));
  else askAbout(byCode && others.length === 1 ? [] : others);
}

/** The next one to ask about, as long as the account lists it. */
export function perhapsGone(app: App): Device | undefined {
  return app.devices()?.devices.find(({ deviceId, self }) => !self && asked().includes(deviceId));
}

export function isStillThere(device: string): void {
  askAbout(asked().filter((one) => one !== device));
}

function askAbout(devices: readonly string[]): void {
  setAsked(devices);
  localStorage.setItem(key, devices.join(" "));
}
