/** What a person does at a screen to talk to somebody: steps that every story of two people takes. */
import type { Page } from "playwright-core";
import { until } from "./fedchat-process.ts";

/** Goes to a conversation; after an invitation or an acceptance the screen may go there by itself. */
export async function openChat(page: Page, title: string): Promise<void> {
  const open = page.getByTestId("conversation").getByRole("heading", { name: title });
  const row = page.getByTestId("chat-row").filter({ hasText: title }).first();
  await until(`the conversation with ${title} opens`, async () => {
    if (await open.isVisible()) return true;
    const chats = page.getByTestId("nav-chats");
    const next = (await row.isVisible()) ? row : (await chats.isVisible()) ? chats : undefined;
    // Meanwhile the screen may have moved on by itself, and what was to be clicked is gone.
    await next?.click({ timeout: 1_000 }).catch(() => undefined);
    return false;
  });
}

export async function send(page: Page, text: string): Promise<void> {
  await page.getByTestId("composer").fill(text);
  await until("the composer can send", () => page.getByTestId("send").isEnabled());
  await page.getByTestId("composer").press("Enter");
  await page.getByTestId("message-text").filter({ hasText: text }).waitFor();
}

/** Every message of one's own that is on the screen came to be read. */
export async function everythingRead(page: Page): Promise<void> {
  await until("all own messages are read", async () => {
    const states = await page
      .locator("[data-testid=message][data-mine=true]")
      .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-state")));
    return states.length > 0 && states.every((state) => state === "read");
  });
}
