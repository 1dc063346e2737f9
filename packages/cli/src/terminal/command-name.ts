/** How this person types the command: in a checkout it is reached through npm, installed by its own name. */
const scripts = ["start", "fedchat"];

export const commandName = scripts.includes(process.env["npm_lifecycle_event"] ?? "")
  ? "npm run fedchat --"
  : "fedchat";
