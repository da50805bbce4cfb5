// Has Chromium open one page and do what a script says; prints what happened as JSON.
// usage: node pages.mjs SCRIPT.json
// A step is an object with one key: open, reload, click, fill: [where, what], press, wait (an
// expression that becomes true), read (an expression whose value is kept), axe, shot (a file).
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const script = JSON.parse(await readFile(process.argv[2], "utf8"));
const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
if (script.microphone !== null) flags.push("--use-fake-ui-for-media-stream");
if (script.microphone) flags.push(`--use-file-for-fake-audio-capture=${script.microphone}%noloop`);
const browser = await chromium.launch({ executablePath: script.chromium, args: flags });
const log = { console: [], outside: [], requests: 0, read: [], violations: [], failure: null };

const notice = (url) => {
  log.requests += 1;
  if (!/^((http|ws):\/\/127\.0\.0\.1[:/]|blob:|data:)/.test(url)) log.outside.push(url);
};
const acts = {
  open: (page, url) => page.goto(url),
  reload: (page) => page.reload(),
  click: (page, where) => page.click(where),
  fill: (page, [where, what]) => page.fill(where, what),
  press: (page, key) => page.keyboard.press(key),
  wait: async (page, expression) => { // page.waitForFunction needs 'unsafe-eval' of a strict page
    const until = Date.now() + script.patience_ms;
    while (!(await page.evaluate(expression))) {
      if (Date.now() > until) throw new Error("it did not come true");
      await page.waitForTimeout(50);
    }
  },
  read: async (page, expression) => { log.read.push(await page.evaluate(expression)); },
  shot: (page, path) => page.screenshot({ path }),
  axe: async (page) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    log.violations.push(...violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]));
  },
};
try {
  const context = await browser.newContext(script.context);
  const page = await context.newPage();
  page.setDefaultTimeout(script.patience_ms);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) log.console.push(message.text());
  });
  page.on("pageerror", (error) => log.console.push(String(error)));
  page.on("request", (request) => notice(request.url()));
  page.on("websocket", (socket) => notice(socket.url()));
  for (const step of script.steps) {
    const [[act, value]] = Object.entries(step);
    await acts[act](page, value).catch((error) => {
      log.failure = `${JSON.stringify(step)}: ${error}`;
    });
    if (log.failure) {
      await page.screenshot({ path: script.screenshot });
      log.html = await page.evaluate(() => document.body.innerText);
      break;
    }
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(log));
