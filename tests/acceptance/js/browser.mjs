// One Chromium for many visits: reads an order a line, prints what came of each as a line of JSON.
// usage: node browser.mjs CHROMIUM MICROPHONE
//
// MICROPHONE  a file; a page hears what is in it when it asks for the microphone
// An order    steps, context (of Playwright), may_listen, patience_ms (of a step), limit_ms (of all),
//             screenshot (where the picture goes of a page on which a step failed)
// A step      an object with one key: open, reload, click, fill: [where, what], press, see (a selector),
//             wait (an expression that becomes true), run (an expression), read (one whose value is
//             kept), axe, shot (a file)
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, microphone] = process.argv.slice(2);
const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const POLL_MS = 50;
const args = [
  "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic",
  "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--autoplay-policy=no-user-gesture-required",
  "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}%noloop`,
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

const acts = {
  open: (page, url) => page.goto(url),
  reload: (page) => page.reload(),
  click: (page, where) => page.click(where),
  fill: (page, [where, what]) => page.fill(where, what),
  press: (page, key) => page.keyboard.press(key),
  see: (page, selector) => page.locator(selector).first().waitFor(),
  wait: async (page, expression, { patience_ms }) => { // page.waitForFunction needs 'unsafe-eval' of a strict page
    const until = Date.now() + patience_ms;
    while (!(await page.evaluate(expression))) {
      if (Date.now() > until) throw new Error("it did not come true");
      await page.waitForTimeout(POLL_MS);
    }
  },
  run: (page, expression) => page.evaluate(expression),
  read: async (page, expression, order, log) => { log.read.push(await page.evaluate(expression)); },
  shot: (page, path) => page.screenshot({ path }),
  axe: async (page, _, order, log) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    log.violations.push(...violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]));
  },
};

function listen(page, log) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) log.console.push(message.text());
  });
  page.on("pageerror", (error) => log.errors.push(String(error)));
  page.on("request", (request) => log.requests.push([request.method(), request.url()]));
  page.on("websocket", (socket) => log.sockets.push(socket.url()));
}

async function take(page, order, log) {
  for (const step of order.steps) {
    const [[act, value]] = Object.entries(step);
    try {
      await acts[act](page, value, order, log);
    } catch (error) {
      const seen = await page.evaluate(() => document.body.innerText).catch(String);
      await page.screenshot({ path: order.screenshot }).catch(() => {});
      log.failure = `${JSON.stringify(step)}: ${error}\n${seen}`;
      return;
    }
  }
}

async function visit(browser, order) {
  const log = { read: [], violations: [], console: [], errors: [], requests: [], sockets: [], failure: null };
  const context = await browser.newContext(order.context);
  const limit = setTimeout(() => context.close(), order.limit_ms); // ends the step that hangs
  try {
    if (order.may_listen) await context.grantPermissions(["microphone"]);
    const page = await context.newPage();
    page.setDefaultTimeout(order.patience_ms);
    listen(page, log);
    await take(page, order, log);
  } finally {
    clearTimeout(limit);
    await context.close();
  }
  return log;
}

let browser = null;
for await (const line of createInterface({ input: process.stdin })) {
  if (!browser?.isConnected()) browser = await chromium.launch({ executablePath, args });
  process.stdout.write(`${JSON.stringify(await visit(browser, JSON.parse(line)))}\n`);
}
await browser?.close();
