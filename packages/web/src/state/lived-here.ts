/**
 * Whose account this browser had, and as which device, for the case that it deletes what the engine keeps: the first run
 * then says what happened, asks for no more than the password, and the device that is gone is taken off the account. Here
 * lies nothing that opens anything.
 */
export interface Lived {
  handle: string;
  /** Null where this browser remembers the handle alone. */
  device: string | null;
}

const handleKey = "fedchat.lived-here";
const deviceKey = "fedchat.lived-as";

/** Null where nobody did, as far as this browser remembers. */
export function livedHere(): Lived | null {
  const handle = localStorage.getItem(handleKey);
  return handle === null ? null : { handle, device: localStorage.getItem(deviceKey) };
}

let lives: { handle: string; deviceId: string } | undefined;

export function remember({ handle, deviceId }: { handle: string; deviceId: string }): void {
  lives = { handle, deviceId };
  if (livedHere()?.handle !== handle) localStorage.setItem(handleKey, handle);
  if (livedHere()?.device !== deviceId) localStorage.setItem(deviceKey, deviceId);
}

/** The browser deleted what this site kept, and perhaps this with it. */
export function rememberAgain(): void {
  if (lives !== undefined) remember(lives);
}
