// The vendor's browser client in Chromium: an empty page with its bundle, one browser context per person.
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, createServer as createListener } from "node:net";
import { chromium } from "playwright-core";
import { Different, until } from "./expect.mjs";
import { oddityOf } from "./raw.mjs";

const FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(" ");
const PACKAGES = { "2.32.2": "openvidu-browser", "2.25.0": "openvidu-browser-2.25" };

export class Browser {
  #chromium;
  #site;
  #origin;
  /** Pages that cases have made up. */
  #pages = new Map();
  #tabs = 0;

  static async launch() {
    const browser = new Browser();
    await browser.#serve();
    const isOurs = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
    browser.#chromium = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, ...isOurs });
    return browser;
  }

  async #serve() {
    const files = { "/page.js": await readFile(new URL("page.js", import.meta.url)) };
    for (const [version, name] of Object.entries(PACKAGES)) files[`/${version}.js`] = await bundle(name);
    this.#site = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url, "http://localhost");
      if (files[pathname]) return response.writeHead(200, { "content-type": "text/javascript" }).end(files[pathname]);
      const html = { "content-type": "text/html; charset=utf-8" };
      if (this.#pages.has(pathname)) return response.writeHead(200, html).end(this.#pages.get(pathname));
      if (pathname !== "/") return response.writeHead(404).end();
      const scripts = ["page", searchParams.get("client")].map((name) => `<script src="/${name}.js"></script>`);
      response.writeHead(200, html).end(`<!doctype html><meta charset="utf-8"><title>Empty</title>${scripts.join("")}`);
    });
    await new Promise((resolve) => this.#site.listen(0, "127.0.0.1", resolve));
    this.#origin = `http://localhost:${this.#site.address().port}`;
  }

  async close() {
    await this.#chromium?.close();
    this.#site?.closeAllConnections();
    this.#site?.close();
  }

  /** A page with the vendor's client, not connected yet. With `gate`, its sockets go through that. */
  async open({ client = "2.32.2", gate = null } = {}) {
    const context = await this.#chromium.newContext();
    const person = new Person(context);
    await context.exposeBinding("tell", (_, event) => person.events.push(event));
    if (gate) await context.addInitScript(`window.gate = ${JSON.stringify(gate.host)}`);
    person.page = await context.newPage();
    await person.page.goto(`${this.#origin}/?client=${client}`);
    return person;
  }

  /** A page of its own with that text, at another origin than the server's. */
  async tab(html) {
    const context = await this.#chromium.newContext();
    const page = await context.newPage();
    const path = `/tab${++this.#tabs}`;
    this.#pages.set(path, html);
    await page.goto(this.#origin + path);
    return page;
  }
}

async function bundle(name) {
  const folder = new URL(`node_modules/${name}/static/js/`, import.meta.url);
  const file = (await readdir(folder)).find((each) => each.endsWith(".min.js"));
  return readFile(new URL(file, folder));
}

/** What a person does through the vendor's client, and what happened to it. */
export class Person {
  #context;
  /** Events of the client, in order. */
  events = [];

  constructor(context) {
    this.#context = context;
  }

  #do(verb, argument) {
    return this.page.evaluate(([name, value]) => window.verbs[name](value), [verb, argument]);
  }

  async connect(token, data, types = ["my-chat", "chat"]) {
    const outcome = await this.tryConnect(token, data, types);
    if (!outcome.ok) throw new Different("connect()", "that it resolves", outcome.error);
    const view = await this.view();
    Object.assign(this, { id: view.own.id, session: view.session });
    return view;
  }

  tryConnect(token, data, types = ["my-chat", "chat"]) {
    return this.#do("connect", { token, data, types });
  }

  /** Settles as the client's promise does: {ok} or {error}. `to` takes ids. */
  signal({ to, ...options }) {
    return this.#do("signal", to ? { ...options, to: to.map((connectionId) => ({ connectionId })) } : options);
  }

  burst(count, type) {
    return this.#do("burst", { count, type });
  }

  forceDisconnect(id) {
    return this.#do("forceDisconnect", id);
  }

  disconnect() {
    return this.#do("disconnect");
  }

  view() {
    return this.#do("view");
  }

  sockets() {
    return this.page.evaluate(() => window.wire.sockets);
  }

  /** Frames on the wire, parsed, in order: {socket, from, frame}. */
  async frames() {
    const frames = await this.page.evaluate(() => window.wire.frames);
    return frames.map(({ text, ...rest }) => ({ ...rest, frame: JSON.parse(text) }));
  }

  async oddities() {
    if (this.page.isClosed()) return [];
    const frames = await this.frames().catch(() => []);
    return frames.filter((each) => each.from === "server").flatMap((each) => oddityOf(each.frame) ?? []);
  }

  of(kind) {
    return this.events.filter((event) => event.kind === kind);
  }

  /** Data of the signals that came, in order. */
  heard(kind = "signal") {
    return this.of(kind).map((event) => event.data);
  }

  event(kind, test = () => true, ms = undefined) {
    return until(() => this.events.find((event) => event.kind === kind && test(event)), `the event ${kind}`, ms);
  }

  hears(data, kind = "signal", ms = undefined) {
    return this.event(kind, (event) => event.data === data, ms);
  }

  /** The tab goes without a word of the application. */
  closeTab() {
    return this.page.close();
  }

  close() {
    return this.#context.close();
  }
}

/** A network between a page and the server that can break. */
export class Gate {
  #listener;
  #pairs = new Set();
  #isShut = false;

  static async open(target) {
    const gate = new Gate();
    const [host, port] = target.split(":");
    gate.#listener = createListener((near) => gate.#pass(near, connect(Number(port), host)));
    await new Promise((resolve) => gate.#listener.listen(0, "127.0.0.1", resolve));
    gate.host = `127.0.0.1:${gate.#listener.address().port}`;
    return gate;
  }

  #pass(near, far) {
    for (const side of [near, far]) side.on("error", () => undefined);
    if (this.#isShut) {
      near.destroy();
      far.destroy();
      return;
    }
    const pair = { near, far };
    this.#pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    const end = () => {
      // A frozen pair is known to neither side to be dead.
      if (pair.isFrozen) return;
      near.destroy();
      far.destroy();
      this.#pairs.delete(pair);
    };
    near.on("close", end);
    far.on("close", end);
  }

  /** All connections break now; new ones are let through. */
  cut() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }

  shut() {
    this.#isShut = true;
    this.cut();
  }

  reopen() {
    this.#isShut = false;
  }

  /** What is connected now stays connected but silent in both directions; new connections are let through. */
  freeze() {
    for (const pair of this.#pairs) {
      pair.isFrozen = true;
      pair.near.unpipe(pair.far);
      pair.far.unpipe(pair.near);
      pair.near.pause();
      pair.far.pause();
    }
  }

  /** What was frozen breaks at the server's side: it learns late that the peer is gone. */
  cutFrozen() {
    for (const pair of this.#pairs) if (pair.isFrozen) pair.far.destroy();
  }

  close() {
    this.cut();
    this.#listener.close();
  }
}
