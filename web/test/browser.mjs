// People in Chromium. Each has a context of its own, and a page with nothing but the panel, under the strictest policy
// that it is made for.
import { chromium } from "playwright-core";

const FLAGS = [
  ..."--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(" "),
  // A page that the test makes up has no address, and would not be let near this machine's.
  "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
];
export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:";

const HTML = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Embedding page</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="embed.css"><script src="widget.js" defer></script><script src="embed.js" defer></script></head><body><main></main></body></html>`;
const CSS = "html, body, main { margin: 0; height: 100%; } sidetalk-chat { height: 100% }";
const SCRIPT = `const chat = document.createElement("sidetalk-chat");
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) chat.setAttribute(name, value);
document.querySelector("main").append(chat);`;

export class Browser {
  #chromium;
  #server;
  #contexts = [];
  problems = [];

  static async launch(server) {
    const browser = new Browser();
    browser.#server = server;
    browser.#chromium = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
    return browser;
  }

  async close() {
    await this.#chromium.close();
  }

  /** Ends all pages that a case opened. */
  async clear() {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  async context(options = {}) {
    const context = await this.#chromium.newContext({ viewport: { width: 420, height: 760 }, reducedMotion: "reduce", ...options });
    this.#contexts.push(context);
    context.setDefaultTimeout(10_000);
    context.on("weberror", (error) => this.problems.push(`page error: ${error.error().stack}`));
    context.on("console", (message) => {
      const text = message.text();
      // A connection that is refused while the server is down is not a problem of the page.
      if (/Content Security Policy|Refused to/i.test(text)) this.problems.push(`policy: ${text}`);
      else if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION|Failed to load resource/.test(text)) this.problems.push(`console: ${text}`);
    });
    return context;
  }

  /** Somebody with the panel open in a room. */
  async person(room, { user, name = user, role = "member", groups = [] }, { attributes = {}, ...options } = {}) {
    const server = this.#server;
    const context = await this.context(options);
    const serve = (path, contentType, body) => context.route((url) => url.pathname.endsWith(path), (route) => route.fulfill({ contentType, body, headers: { "content-security-policy": POLICY } }));
    await serve("/embed.html", "text/html; charset=utf-8", HTML);
    await serve("/embed.css", "text/css", CSS);
    await serve("/embed.js", "text/javascript", SCRIPT);
    const page = await context.newPage();
    const hash = new URLSearchParams({ server: server.url, room, token: server.token({ sub: user, name, role, groups }), ...attributes });
    await page.goto(`${server.url}embed.html#${hash}`);
    const person = new Person(page, user, name);
    await person.ready();
    return person;
  }
}

/** What a person sees and does, in the words of the panel. */
export class Person {
  constructor(page, user, name) {
    Object.assign(this, { page, user, name });
  }

  get input() {
    return this.page.locator(".composer textarea");
  }

  async ready() {
    await this.page.locator(".panel .count:not([hidden])").first().waitFor();
  }

  async say(text) {
    await this.input.fill(text);
    await this.input.press("Enter");
  }

  bubble(text) {
    return this.page.locator(".message .bubble", { hasText: text });
  }

  row(text) {
    return this.page.locator(".message", { has: this.page.locator(".text", { hasText: text }) });
  }

  async sees(text) {
    await this.bubble(text).first().waitFor();
  }

  async seesNot(text) {
    const count = await this.bubble(text).count();
    if (count) throw new Error(`${this.name} sees ${JSON.stringify(text)}`);
  }

  /** Opens a message's menu as the keyboard does and chooses from it. */
  async choose(text, label) {
    const row = this.row(text).first();
    // What is on its way has no menu yet.
    await row.locator(".bubble:not(.pending)").waitFor();
    await row.focus();
    await this.page.keyboard.press("Enter");
    await this.page.locator("[role=menu]").getByRole("menuitem", { name: label, exact: true }).click();
  }

  async confirm() {
    await this.page.locator("dialog .danger").click();
  }

  /** What stands in the list, in order, as far as it is in the page. */
  texts() {
    return this.page.locator(".message .text").allInnerTexts();
  }

  announcements() {
    return this.page.locator("[role=log] p").allTextContents();
  }
}

export function equal(seen, wanted, what) {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: ${a}, but it should be ${b}`);
}

export function ok(condition, what) {
  if (!condition) throw new Error(what);
}

/** Waits until something is true; the page has no event for it. */
export async function until(condition, what, ms = 10_000) {
  for (const end = Date.now() + ms; ; ) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
