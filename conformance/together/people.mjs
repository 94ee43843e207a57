// People of one room, each with the client of a dialect, and the same few verbs for all: `say` to everybody, `heard`, the texts
// in order, and `wire`, everything that came over their sockets, in which no secret of others may stand.
import WebSocket from "../openvidu/node_modules/ws/wrapper.mjs";
import { SidetalkClient } from "../../sdk/packages/client/dist/index.js";
import { until } from "../openvidu/expect.mjs";
import * as panels from "../panel.mjs";

/** Texts of more than one part of a story: what was said, and `<…>` what was done to the chat. */
const DEEDS = { chat_disabled: "<off>", chat_enabled: "<on>", history_cleared: "<cleared>" };

/** OpenTalk: a socket of its signaling. */
export class Talker {
  constructor(name, raw) {
    Object.assign(this, { name, raw });
  }

  async say(text) {
    this.raw.send(text);
  }

  /** To one participant, or with the scope `group` to a group. */
  whisper(text, target, scope = "private") {
    this.raw.send(text, scope, target);
  }

  /** Whom this one knows by that name. */
  async knows(name) {
    const joined = () => [...this.raw.welcome.participants, ...this.raw.of("control", "joined").map(({ payload }) => payload)];
    return (await until(() => joined().find(({ control }) => control.display_name === name), `${this.name} knows ${name}`)).id;
  }

  async heard() {
    return this.raw.contents();
  }

  async story() {
    const of_chat = this.raw.of("chat").map(({ payload }) => (payload.message === "message_sent" ? payload.content : DEEDS[payload.message]));
    return of_chat.filter(Boolean);
  }

  async wire() {
    return JSON.stringify(this.raw.frames);
  }
}

/** Our own client, as a program. */
export class Native {
  #wire = [];
  #story = [];

  static async enter(name, { url, room, token }) {
    const native = new Native();
    native.name = name;
    const wire = native.#wire;
    class Heard extends WebSocket {
      constructor(...address) {
        super(...address);
        this.addEventListener("message", ({ data }) => wire.push(data));
      }
    }
    native.client = new SidetalkClient({ url, token, WebSocket: Heard });
    await native.client.connect();
    native.room = await native.client.join(room);
    const { room: joined } = native;
    joined.on("message.posted", ({ message }) => native.#story.push(message.parts[0].text));
    for (const [event, deed] of [["chat.disabled", "<off>"], ["chat.enabled", "<on>"], ["history.cleared", "<cleared>"]]) joined.on(event, () => native.#story.push(deed));
    return native;
  }

  say(text) {
    return this.room.post(text);
  }

  whisper(text, audience) {
    return this.room.post({ text, audience });
  }

  /** Whom this one knows by that name: {user, connection}. */
  knows(name) {
    return until(() => [...this.room.state.presence.values()].find((one) => one.name === name), `${this.name} knows ${name}`);
  }

  async heard() {
    return this.#story.filter((line) => !line.startsWith("<"));
  }

  async story() {
    return [...this.#story];
  }

  async wire() {
    return this.#wire.join("\n");
  }

  async close() {
    this.client.close();
  }
}

/** OpenVidu's own client in Chromium. */
export class Vidu {
  constructor(name, person) {
    Object.assign(this, { name, person });
  }

  say(text) {
    return this.person.signal({ type: "chat", data: text });
  }

  whisper(text, id) {
    return this.person.signal({ type: "chat", data: text, to: [id] });
  }

  /** Whom this one knows by a word of its data. */
  async knows(word) {
    return (await this.person.event("connectionCreated", ({ data }) => data.includes(word))).id;
  }

  async heard() {
    return this.person.heard();
  }

  async wire() {
    const frames = await this.person.frames();
    return JSON.stringify(frames.filter(({ from }) => from === "server"));
  }
}

const PAGES = {
  tok: (server) => `<!doctype html><meta charset="utf-8"><title>Tok</title><script src="${server}/sdk/opentok.js"></script>
<script>
  window.heard = [];
  window.enter = (key, id, token) => new Promise((done, failed) => {
    window.session = OT.initSession(key, id);
    session.on("signal", ({ data }) => heard.push(data));
    session.connect(token, (error) => (error ? failed(error) : done()));
  });
  window.say = (signal) => new Promise((done) => session.signal(signal, (error) => done(error ? { error: { code: error.code, name: error.name } } : { ok: true })));
</script>`,
  panel: (server) => `<!doctype html><meta charset="utf-8"><title>Panel</title><script src="${server}/widget.js"></script>
<style>sidetalk-chat { display: block; height: 2000px }</style><body></body>`,
};

/** A page, and what comes over its sockets. */
class Page {
  #wire = [];

  async open(browser, html) {
    this.page = await browser.tab(html);
    this.page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => this.#wire.push(payload)));
  }

  async wire() {
    return this.#wire.join("\n");
  }

  close() {
    return this.page.context().close();
  }
}

/** A page of OpenTok's, through our drop-in script. */
export class Tok extends Page {
  static async enter(name, { browser, url, key, session, token }) {
    const tok = Object.assign(new Tok(), { name });
    await tok.open(browser, PAGES.tok(url));
    await tok.page.evaluate(([key, session, token]) => window.enter(key, session, token), [key, session, token]);
    return tok;
  }

  say(data) {
    return this.page.evaluate((data) => window.say({ type: "chat", data }), data);
  }

  whisper(data, to) {
    return this.page.evaluate(([data, to]) => window.say({ type: "chat", data, to }), [data, to]);
  }

  /** Whom this one knows by a word of its data. */
  knows(word) {
    const find = (word) => window.session.connections.where().find(({ data }) => data.includes(word))?.connectionId;
    return until(() => this.page.evaluate(find, word), `${this.name} knows ${word}`);
  }

  heard() {
    return this.page.evaluate(() => window.heard);
  }
}

/** The panel of our own page. */
export class Panel extends Page {
  static async enter(name, { browser, url, room, token }) {
    const panel = Object.assign(new Panel(), { name });
    await panel.open(browser, PAGES.panel(url));
    await panel.page.evaluate(([server, room, token]) => {
      const chat = document.createElement("sidetalk-chat");
      for (const [name, value] of Object.entries({ server, room, token })) chat.setAttribute(name, value);
      document.body.append(chat);
    }, [url, room, token]);
    await panels.shows(panel.page);
    return panel;
  }

  say(text) {
    return panels.say(this.page, text);
  }

  heard() {
    return panels.heard(this.page);
  }
}
