/** How this person types the command: in a checkout it is reached through npm, installed by its own name. */
export const commandName =
  process.env["npm_lifecycle_event"] === undefined ? "fedchat" : "npm run fedchat --";
