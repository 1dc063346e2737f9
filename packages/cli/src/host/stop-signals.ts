/** When the program is asked to end: Ctrl+C, SIGTERM, or the end of the process that started it. A second time is at once. */

export interface StopSignals {
  stopped: Promise<void>;
  stop(): void;
}

export function stopSignals(): StopSignals {
  let asked = false;
  let resolve: () => void = () => undefined;
  const stopped = new Promise<void>((settle) => (resolve = settle));
  const stop = () => {
    asked = true;
    resolve();
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
    stop();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  if (process.platform !== "win32") process.on("SIGHUP", onSignal);
  // `fedchat network --run` holds this line: its programs do not outlive it.
  if (process.connected) {
    process.once("disconnect", stop);
    // The line alone keeps nothing running: a program that could not start, or has stopped, ends.
    process.channel?.unref();
  }
  return { stopped, stop };
}
