/** Makes docs/screen.png from the real program: `node docs/make-picture.ts` (needs Chromium). */
import { openBrowser, openScreen } from "../test/harness/browser.ts";
import { befriend, startFedchat, until } from "../test/harness/fedchat-process.ts";

const talk = [
  ["bob", "Morning! Did the box survive the night?"],
  ["alice", "It did. I pulled the plug twice, on purpose."],
  ["alice", "Nothing lost, nothing twice."],
  ["bob", "And nobody in the middle?"],
  [
    "alice",
    "Just your machine and mine. The safety numbers match, I compared them with the ones on your kitchen wall.",
  ],
  ["bob", "Then it's official: see you at the lock at 7. Bring the heron pictures."],
  ["alice", "On my way."],
] as const;

await using alice = await startFedchat({ name: "alice" });
await using bob = await startFedchat({ name: "bob" });
const roomId = await befriend(alice, bob);
for (const [who, text] of talk) {
  const [from, to] = who === "alice" ? [alice, bob] : [bob, alice];
  const { messageId } = await from.call("messages.send", { roomId, text });
  await until("it arrives", async () => {
    const { messages } = await to.call("messages.list", { roomId });
    return messages.some((message) => message.text === text);
  });
  await to.call("messages.markRead", { roomId, messageId });
}
await using browser = await openBrowser();
const { page } = await openScreen(browser, alice);
await page.getByTestId("chat-row").filter({ hasText: "Bob" }).click();
await page.getByTestId("message-text").last().waitFor();
await page.getByTestId("details").click();
await page.mouse.move(640, 200);
await page.keyboard.press("Tab");
await page.waitForTimeout(800);
await page.screenshot({ path: new URL("screen.png", import.meta.url).pathname });
