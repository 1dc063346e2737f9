/** Sizes as people read them. */
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const units = ["bytes", "kB", "MB", "GB", "TB"];

/** `0 bytes`, `1.5 MB`; a kB is 1,024 bytes, as the settings count. */
export function size(bytes: number): string {
  let unit = 0;
  let rest = bytes;
  while (rest >= 1_024 && unit < units.length - 1) {
    rest /= 1_024;
    unit++;
  }
  return `${(unit === 0 || rest >= 10 ? whole : tenths).format(rest)} ${units[unit]}`;
}
