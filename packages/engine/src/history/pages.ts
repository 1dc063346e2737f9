/**
 * A history as pages that people read: whole in themselves, without scripts and without anything from elsewhere, so that
 * a browser in twenty years, or somebody with an editor, can make sense of them. Whatever others wrote is escaped.
 */
export interface PageMessage {
  kind: "text" | "notice";
  senderName: string;
  sender: string;
  mine: boolean;
  sentAt: number;
  text: string;
  /** What it answers, in a few words. */
  answers: string | undefined;
}

/** How times are said: in one time zone, the reader's own. Throws `RangeError` for a zone that is not known. */
export function timesIn(timeZone: string) {
  const day = new Intl.DateTimeFormat("en-GB", { timeZone, dateStyle: "full" });
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "short" });
  return { timeZone, day: (ms: number) => day.format(ms), clock: (ms: number) => clock.format(ms) };
}
export type Times = ReturnType<typeof timesIn>;

/** The pages around one page of a chat. */
export interface Around {
  earlier: string | undefined;
  later: string | undefined;
}

/** Everything before a chat's messages. */
export function chatHead(title: string, about: string[], around: Around): string {
  const facts = about.map((fact) => `<p class="about">${escaped(fact)}</p>`).join("");
  return `${pageHead(title)}<header><p><a href="../index.html">All chats</a></p><h1>${escaped(title)}</h1>${facts}${pager(around)}</header>\n<main>\n`;
}

export function chatFoot(around: Around): string {
  return `</main>\n<footer>${pager(around)}</footer>\n</body>\n</html>\n`;
}

/** Messages one behind the other; `before` is the one that stands above them on the page. */
export function chatMessages(messages: PageMessage[], before: PageMessage | undefined, times: Times): string {
  let above = before;
  let page = "";
  for (const message of messages) {
    const isNewDay = above === undefined || times.day(above.sentAt) !== times.day(message.sentAt);
    if (isNewDay) page += `<h2>${escaped(times.day(message.sentAt))}</h2>\n`;
    page +=
      message.kind === "notice"
        ? `<p class="notice">${escaped(message.text)}</p>\n`
        : bubble(message, isNewDay || !continues(above!, message), times);
    above = message;
  }
  return page;
}

export interface ListedChat {
  name: string;
  title: string;
  about: string;
}

export function indexPage(of: { title: string; about: string[]; chats: ListedChat[] }): string {
  const facts = of.about.map((fact) => `<p class="about">${escaped(fact)}</p>`).join("");
  const rows = of.chats
    .map(
      ({ name, title, about }) =>
        `<li><a href="${escaped(name)}"><bdi>${escaped(title)}</bdi></a> <span class="about">${escaped(about)}</span></li>`,
    )
    .join("\n");
  return `${pageHead(of.title)}<header><h1>${escaped(of.title)}</h1>${facts}</header>\n<main><ul class="chats">\n${rows}\n</ul></main>\n</body>\n</html>\n`;
}

/** Of one person within five minutes, on one day. */
const groupMs = 300_000;
function continues(above: PageMessage, message: PageMessage): boolean {
  const isSame = above.kind === "text" && above.sender === message.sender;
  return isSame && message.sentAt - above.sentAt < groupMs;
}

function bubble(message: PageMessage, withName: boolean, times: Times): string {
  const { mine, senderName, sentAt, text, answers } = message;
  const name = withName ? `<p class="who"><bdi>${escaped(mine ? "You" : senderName)}</bdi></p>` : "";
  const quoted = answers === undefined ? "" : `<blockquote dir="auto">${escaped(answers)}</blockquote>`;
  const when = `<time datetime="${new Date(sentAt).toISOString()}">${escaped(times.clock(sentAt))}</time>`;
  return `<article${mine ? ' class="mine"' : ""}>${name}<div class="bubble">${quoted}<p class="text" dir="auto">${escaped(text)}</p>${when}</div></article>\n`;
}

function pager({ earlier, later }: Around): string {
  const link = (to: string | undefined, words: string) =>
    to === undefined ? "" : `<a href="${escaped(to)}">${words}</a>`;
  const links = link(earlier, "Earlier messages") + link(later, "Later messages");
  return links === "" ? "" : `<nav>${links}</nav>`;
}

function pageHead(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
`;
}

const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => escapes[sign]!);

const style = `
:root { --ground: #f6f5f2; --card: #fff; --ink: #1d1c1a; --quiet: #6a6660; --mine: #dcebe4; --line: #dedad2; --link: #14614a }
@media (prefers-color-scheme: dark) {
:root { --ground: #151614; --card: #232523; --ink: #eceae5; --quiet: #a29d94; --mine: #1f3d33; --line: #353733; --link: #7fcfb0 }
}
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 46rem; background: var(--ground); color: var(--ink);
font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { font-size: .85rem; font-weight: 600; color: var(--quiet); text-align: center; margin: 2rem 0 1rem }
a { color: var(--link) }
header { border-bottom: 1px solid var(--line); padding-bottom: 1rem }
nav { display: flex; gap: 1.5rem; margin-top: 1rem }
.about, .notice, time, .who { color: var(--quiet); font-size: .85rem; margin: 0 }
.notice { text-align: center; margin: .75rem 0 }
article { margin: .2rem 0; max-width: 85% }
article.mine { margin-left: auto; width: fit-content }
.who { margin: .8rem .2rem .2rem; font-weight: 600 }
.mine .who { text-align: end }
.bubble { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: .5rem .8rem; width: fit-content; max-width: 100%; box-sizing: border-box }
.mine .bubble { background: var(--mine); margin-left: auto }
.text { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }
time { display: block; text-align: end }
blockquote { margin: 0 0 .4rem; padding-left: .6rem; border-left: 3px solid var(--line); color: var(--quiet); overflow-wrap: anywhere }
.chats { list-style: none; padding: 0 }
.chats li { border-bottom: 1px solid var(--line); padding: .6rem 0; overflow-wrap: anywhere }
@media print { body { max-width: none; background: none } }
`;
