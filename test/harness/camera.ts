/** A browser whose camera sees what is on another screen: Chromium plays a film that is made of the picture there. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator } from "playwright-core";
import { openBrowser } from "./browser.ts";

const width = 640;
const height = 480;

export interface Filming extends AsyncDisposable {
  browser: Browser;
  /** From the next time that a page opens the camera it sees this drawing. */
  pointAt(drawing: Locator): Promise<void>;
}

export async function openBrowserWithCamera(): Promise<Filming> {
  const folder = mkdtempSync(join(tmpdir(), "fedchat-camera-"));
  const film = join(folder, "seen.y4m");
  writeFilm(film, new Uint8Array(width * height).fill(128));
  const browser = await openBrowser({
    more: [
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-video-capture=${film}`,
    ],
  });
  return {
    browser,
    async pointAt(drawing) {
      writeFilm(film, Buffer.from(await lumaOf(drawing), "base64"));
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** YUV4MPEG2, without colours. */
function writeFilm(path: string, luma: Uint8Array): void {
  const head = `YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`;
  const frame = [Buffer.from("FRAME\n"), luma, new Uint8Array((width * height) / 2).fill(128)];
  writeFileSync(path, Buffer.concat([Buffer.from(head), ...frame, ...frame]));
}

/** As a camera would: smaller than it is, a little turned, on grey, and not quite sharp. */
async function lumaOf(drawing: Locator): Promise<string> {
  return await drawing.evaluate(
    async (svg, size) => {
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
      image.width = image.height = 380;
      await image.decode();
      const canvas = new OffscreenCanvas(size.width, size.height);
      const context = canvas.getContext("2d")!;
      context.fillStyle = "#888";
      context.fillRect(0, 0, size.width, size.height);
      context.filter = "blur(0.6px)";
      context.translate(size.width / 2, size.height / 2);
      context.rotate(0.07);
      context.drawImage(image, -190, -190, 380, 380);
      const { data } = context.getImageData(0, 0, size.width, size.height);
      let luma = "";
      for (let at = 0; at < data.length; at += 4) luma += String.fromCharCode(data[at]!);
      return btoa(luma);
    },
    { width, height },
  );
}
