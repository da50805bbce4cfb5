// Opens a page in Chromium, does what a visitor does, and prints what happened as JSON.
// usage: node widget.mjs SCRIPT.json
//
// script.html        the page; it is served from an origin of its own
// script.home        the server's origin: with the page's own, all that may be asked
// script.steps       {see}, {click}, {write: [where, text]}, {enter: where}, {run: JavaScript}, {shot: file}
// script.microphone  sound that the visitor's microphone hears; optional
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const script = JSON.parse(await readFile(process.argv[2], "utf8"));
const site = createServer((request, response) => {
  const found = request.url === "/";
  response.writeHead(found ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
  response.end(found ? script.html : "");
});
await new Promise((done) => site.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${site.address().port}/`;

const flags = [
  "--headless", "--no-sandbox", "--disable-quic", "--no-first-run",
  "--use-angle=swiftshader", "--enable-unsafe-swiftshader", // the orb is drawn with WebGL
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];
if (script.microphone) flags.push(`--use-file-for-fake-audio-capture=${script.microphone}%noloop`);
const browser = await chromium.launch({ executablePath: script.chromium, args: flags });
const log = { console: [], errors: [], outside: [], asked: [], sockets: [], ran: [], failure: null };
try {
  const page = await browser.newPage({ viewport: { width: 900, height: 800 } });
  page.setDefaultTimeout(script.patience_ms);
  page.on("console", (message) => log.console.push(message.text()));
  page.on("pageerror", (error) => log.errors.push(String(error)));
  page.on("websocket", (socket) => log.sockets.push(socket.url()));
  await page.route(/^https?:/, (route) => {
    const request = route.request();
    const to = request.url();
    if (to.startsWith(url)) return route.continue();
    if (!to.startsWith(script.home)) {
      log.outside.push(to);
      return route.abort();
    }
    log.asked.push(`${request.method()} ${to.slice(script.home.length)}`);
    return route.continue();
  });
  try {
    await page.goto(url);
    for (const step of script.steps) {
      if (step.see) await page.locator(step.see).first().waitFor();
      if (step.click) await page.locator(step.click).first().click();
      if (step.write) await page.locator(step.write[0]).first().fill(step.write[1]);
      if (step.enter) await page.locator(step.enter).first().press("Enter");
      if (step.run) log.ran.push(await page.evaluate(step.run));
      if (step.shot) await page.screenshot({ path: step.shot });
    }
  } catch (error) {
    log.failure = String(error);
    if (script.last) await page.screenshot({ path: script.last });
  }
} finally {
  await browser.close();
  site.close();
}
process.stdout.write(JSON.stringify(log));
