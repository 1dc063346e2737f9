/**
 * Screens on other devices: what the program that runs an engine answers in front of it. An engine by itself serves no
 * screens and says so.
 */
import { z } from "zod";
import { Cause, Time } from "./views.ts";

export const ScreenIdText = z
  .string()
  .regex(/^[a-z2-7]{16}$/)
  .describe("a paired screen, base32");

export const PairedScreen = z.object({
  screenId: ScreenIdText,
  name: z.string().describe("as given when it was added"),
  addedAt: Time,
  seenAt: Time,
  connected: z.boolean(),
  isThis: z.boolean().describe("whether it is the one that asks"),
});
export type PairedScreen = z.infer<typeof PairedScreen>;

export const Screens = z.object({
  enabled: z.boolean(),
  hasPassword: z.boolean(),
  addresses: z.array(z.url()).describe("where browsers of other devices reach and trust this program"),
  throughProxy: z.boolean().describe("whether somebody's proxy is among them, who reads what it passes on"),
  cause: Cause.nullable().describe("why no other device could use a screen now"),
  isHere: z.boolean().describe("whether the one that asks may switch screens on and off and add one"),
  screens: z.array(PairedScreen),
});
export type Screens = z.infer<typeof Screens>;

/** A one-time way to pair a screen. Its secret stands in the fragment, which browsers never send. */
export const PairingLink = z.object({ link: z.url(), expiresAt: Time });
export type PairingLink = z.infer<typeof PairingLink>;
