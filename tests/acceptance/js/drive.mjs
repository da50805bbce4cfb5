// Has Chromium hold one conversation by a script and prints what happened as JSON.
// usage: node drive.mjs SCRIPT.json
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const script = JSON.parse(await readFile(process.argv[2], "utf8"));
const here = new URL(".", import.meta.url);
const files = {
  "/": ["page.html", "text/html"],
  "/client.js": ["node_modules/@elevenlabs/client/dist/lib.iife.js", "text/javascript"],
};
const site = createServer(async (request, response) => {
  const found = files[request.url];
  if (!found) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": found[1] });
  response.end(await readFile(new URL(found[0], here)));
});
await new Promise((done) => site.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${site.address().port}/`;

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];
if (script.microphone) flags.push(`--use-file-for-fake-audio-capture=${script.microphone}%noloop`);
const browser = await chromium.launch({ executablePath: script.chromium, args: flags });
const log = { console: [], outside: [], id: null, events: [], failure: null };
try {
  const page = await browser.newPage();
  page.on("console", (message) => log.console.push(message.text()));
  page.on("request", (request) => {
    if (!/^(http:\/\/127\.0\.0\.1|blob:|data:)/.test(request.url())) log.outside.push(request.url());
  });
  await page.goto(url);
  try {
    log.id = await page.evaluate((options) => window.begin(options), script.options);
    for (const step of script.steps) {
      if (step.run) await page.evaluate(step.run);
      if (step.write) await page.evaluate((text) => window.call.sendUserMessage(text), step.write);
      if (step.wait) {
        await page.waitForFunction(
          ([kind, count, source]) =>
            window.events.filter((e) => e.kind === kind && (!source || e.value.source === source))
              .length >= count,
          [step.wait, step.count ?? 1, step.source ?? null],
          { timeout: script.patience_ms },
        );
      }
      if (step.quiet_ms) {
        await page.waitForFunction(
          ([ms]) => {
            const sounds = window.events.filter((e) => e.kind === "audio").length;
            if (window.sounds !== sounds) [window.sounds, window.since] = [sounds, Date.now()];
            return sounds > 0 && Date.now() - window.since > ms;
          },
          [step.quiet_ms],
          { timeout: script.patience_ms, polling: 50 },
        );
      }
      if (step.end) await page.evaluate(() => window.call.endSession());
    }
  } catch (error) {
    log.failure = String(error);
  }
  log.events = await page.evaluate(() => window.events);
  if (script.screenshot) await page.screenshot({ path: script.screenshot });
} finally {
  await browser.close();
  site.close();
}
process.stdout.write(JSON.stringify(log));
