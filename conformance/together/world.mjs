// One room with everybody in it. It has OpenTalk's UUID for a name; OpenVidu's session is called so, OpenTok's lies over it.
import { createHmac } from "node:crypto";
import { BACKEND, World as TalkWorld } from "../opentalk/world.mjs";
import { Native, Panel, Talker, Tok, Vidu } from "./people.mjs";

const FORM = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
const seconds = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export class World {
  #talk;
  #key;
  #secret;
  #open = [];

  constructor(server, issuer, oracle, browser) {
    Object.assign(this, { server, browser });
    this.#talk = new TalkWorld(server, issuer, oracle);
    [this.#key, this.#secret] = Buffer.from(server.authorization.replace("Basic ", ""), "base64").toString().split(":");
  }

  #jwt(claims) {
    const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: this.#key, iat: seconds(), exp: seconds() + 600, ...claims })}`;
    return `${body}.${createHmac("sha256", this.#secret).update(body).digest("base64url")}`;
  }

  async #call(path, headers, body) {
    const answer = await fetch(this.server.url + path, { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  #vidu(path, body) {
    const authorization = `Basic ${Buffer.from(`OPENVIDUAPP:${this.#secret}`).toString("base64")}`;
    return this.#call(`/openvidu/api/${path}`, { authorization, "content-type": "application/json" }, JSON.stringify(body));
  }

  /** Olga owns the room, Uwe is in her group, Gina is a guest: OpenTalk. Nina, in the group, and Mo, a moderator: our client. */
  async everybody() {
    const { room, owner, user, guest, ownerUser, memberUser } = await this.#talk.trio();
    this.room = room;
    const talkers = { olga: new Talker(ownerUser.name, owner), uwe: new Talker(memberUser.name, user), gina: new Talker("guest", guest) };
    await this.#vidu("sessions", { customSessionId: room });
    const people = {
      ...talkers,
      nina: await this.native("Nina", { groups: [BACKEND] }),
      mo: await this.native("Mo", { role: "moderator" }),
      vera: await this.vidu("Vera"),
      otto: await this.tok("Otto"),
      paula: await Panel.enter("Paula", { browser: this.browser, ...this.#own("Paula") }),
    };
    this.#open.push(() => people.paula.close());
    return people;
  }

  #own(name, more) {
    return { url: this.server.url, room: this.room, token: this.#jwt({ sub: name.toLowerCase(), name, ...more }) };
  }

  async native(name, more) {
    const native = await Native.enter(name, this.#own(name, more));
    this.#open.push(() => native.close());
    return native;
  }

  async vidu(name) {
    const { token } = await this.#vidu(`sessions/${this.room}/connection`, {});
    const person = await this.browser.open();
    this.#open.push(() => person.close());
    await person.connect(token, JSON.stringify({ clientData: name }));
    return new Vidu(name, person);
  }

  async tok(name) {
    const [{ session_id: session }] = await this.#call("/session/create", { ...FORM, "x-opentok-auth": this.#jwt({ ist: "project" }) }, `room=${this.room}`);
    const claims = { ist: "project", scope: "session.connect", session_id: session, role: "publisher", connection_data: JSON.stringify({ userName: name }) };
    const tok = await Tok.enter(name, { browser: this.browser, url: this.server.url, key: this.#key, session, token: this.#jwt(claims) });
    this.#open.push(() => tok.close());
    return tok;
  }

  async close() {
    for (const close of this.#open.reverse()) await Promise.resolve(close()).catch(() => undefined);
    await this.#talk.close();
  }
}
