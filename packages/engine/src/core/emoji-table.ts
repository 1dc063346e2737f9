/** 64 emoji that are easy to tell apart and to name aloud: six bits each. The order is part of the protocol. [N6] */
const table = `
🐶 dog|🐱 cat|🦁 lion|🐎 horse|🦄 unicorn|🐷 pig|🐘 elephant|🐰 rabbit
🐼 panda|🐓 rooster|🐧 penguin|🐢 turtle|🐟 fish|🐙 octopus|🦋 butterfly|🌷 flower
🌳 tree|🌵 cactus|🍄 mushroom|🌍 globe|🌙 moon|☁️ cloud|🔥 fire|🍌 banana
🍎 apple|🍓 strawberry|🌽 corn|🍕 pizza|🎂 cake|❤️ heart|😀 smile|🤖 robot
🎩 hat|👓 glasses|🔧 spanner|🎅 santa|👍 thumbs up|☂️ umbrella|⌛ hourglass|⏰ clock
🎁 gift|💡 light bulb|📕 book|✏️ pencil|📎 paperclip|✂️ scissors|🔒 lock|🔑 key
🔨 hammer|☎️ telephone|🏁 flag|🚂 train|🚲 bicycle|✈️ aeroplane|🚀 rocket|🏆 trophy
⚽ ball|🎸 guitar|🎺 trumpet|🔔 bell|⚓ anchor|🎧 headphones|📁 folder|📌 pin`;

export const emojiTable: { symbol: string; name: string }[] = table
  .trim()
  .split(/[|\n]/)
  .map((entry) => {
    const space = entry.indexOf(" ");
    return { symbol: entry.slice(0, space), name: entry.slice(space + 1) };
  });
