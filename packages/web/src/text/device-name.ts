/** What to call a browser until its owner says otherwise: `Chrome on Android`, `Safari on iPhone`. */
const systems: [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Macintosh/, "Mac"],
  [/Linux/, "Linux"],
];

/** In this order: most browsers claim to be Chrome or Safari as well. */
const browsers: [RegExp, string][] = [
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Edg(?:A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
];

export function deviceName(userAgent: string): string {
  const first = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(userAgent))?.[1];
  return [first(browsers) ?? "Browser", first(systems)].filter(Boolean).join(" on ");
}
