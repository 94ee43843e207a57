// People of OpenTok's browser API: their tokens as servers make them, and their pages in Chromium.
import { createHmac } from "node:crypto";
import { equal, ok, until } from "./browser.mjs";
import { PAGES, html } from "./pages/opentok.mjs";

export const ORIGIN = "http://lessons.example/";
export const seconds = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function jwt(server, claims, secret = server.project.secret) {
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: String(server.project.key), ist: "project", iat: seconds(), exp: seconds() + 300, ...claims })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** The REST API, as the application's back end calls it. */
export async function rest(server, method, path, body, contentType = "application/json") {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { "x-opentok-auth": jwt(server, {}), accept: "application/json", ...(body !== undefined && { "content-type": contentType }) },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export async function newSession(server) {
  const [{ session_id }] = await rest(server, "POST", "session/create", "p2p.preference=enabled&archiveMode=manual", "application/x-www-form-urlencoded");
  return session_id;
}

/** As the server SDKs make tokens now. */
export function newToken(server, session, { role = "publisher", data = "", ...claims } = {}, secret) {
  return jwt(server, { scope: "session.connect", session_id: session, role, connection_data: data, nonce: Math.random(), ...claims }, secret);
}

/** As they made them before. */
export function oldToken({ project }, session, data) {
  const fields = { session_id: session, create_time: seconds(), nonce: 1, role: "publisher", expire_time: seconds() + 300, connection_data: data };
  const payload = new URLSearchParams(fields).toString();
  const signature = createHmac("sha1", project.secret).update(payload).digest("hex");
  return `T1==${Buffer.from(`partner_id=${project.key}&sig=${signature}:${payload}`).toString("base64")}`;
}

/** Cuts the page's line, and keeps it cut until it is mended; before, it may go silent without anybody noticing. */
const CUTTER = `(() => {
  const Native = WebSocket;
  const open = new Set();
  let isCut = false;
  window.WebSocket = class extends Native {
    constructor(url, protocols) {
      // Nobody listens there.
      super(isCut ? "ws://127.0.0.1:65533/" : url, protocols);
      open.add(this);
    }
  };
  window.silence = () => {
    for (const socket of open) socket.send = () => {};
  };
  window.cut = () => {
    isCut = true;
    for (const socket of open) socket.close();
    open.clear();
  };
  window.mend = () => { isCut = false; };
})();`;

/** A tab with that page. With `line`, everything goes over that. */
export async function tab({ browser, server }, script, session, { token, context, line, ...values } = {}) {
  const home = context ?? (await browser.context());
  await home.addInitScript(CUTTER);
  const page = await home.newPage();
  const body = html(`${line?.url ?? server.url}sdk/opentok.js`, { script: PAGES[script], apiKey: String(server.project.key), sessionId: session, token: token ?? newToken(server, session), ...values });
  await page.route(`${ORIGIN}**`, (route) => (route.request().url() === ORIGIN ? route.fulfill({ contentType: "text/html", body }) : route.abort()));
  await page.goto(ORIGIN);
  return new Tab(page);
}

class Tab {
  constructor(page) {
    this.page = page;
  }

  run(code, ...args) {
    return this.page.evaluate(code, ...args);
  }

  heard(name = "heard") {
    return this.page.evaluate(`JSON.parse(JSON.stringify(${name}))`);
  }

  async hears(count, what, name = "heard") {
    await until(async () => (await this.heard(name)).length >= count, `${what ?? `${count} in ${name}`}, ${JSON.stringify(await this.heard(name))}`);
    return this.heard(name);
  }

  /** Of the bare page: whose connection is told of. */
  async connected() {
    equal(await this.page.evaluate("ready"), null, "what the callback of connect hears");
    this.id = await this.page.evaluate("session.connection.connectionId");
    return this;
  }

  async story(...wanted) {
    equal(await this.hears(wanted.length, wanted.join(), "story"), wanted, "the story");
  }
}

/** People with the bare page in one session. */
export async function lesson(world, people) {
  const session = await newSession(world.server);
  const tabs = [];
  for (const { line, ...claims } of people) tabs.push(await (await tab(world, "bare", session, { line, token: newToken(world.server, session, claims) })).connected());
  for (const person of tabs) await person.hears(people.length, "everybody", "people");
  return { session, tabs };
}
