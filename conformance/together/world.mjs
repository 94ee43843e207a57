// One room with everybody in it. It has OpenTalk's UUID for a name; OpenVidu's session is called so, OpenTok's lies over it.
import { call } from "../http.mjs";
import { BACKEND, World as TalkWorld } from "../opentalk/world.mjs";
import { jwt, seconds } from "../opentok/tokens.mjs";
import { Native, Panel, Talker, Tok, Vidu } from "./people.mjs";

const FORM = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };

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
    return jwt({ iss: this.#key, iat: seconds(), exp: seconds() + 600, ...claims }, this.#secret);
  }

  async #call(path, headers, body) {
    const { ok, status, text, json } = await call("POST", this.server.url + path, { headers, body });
    if (!ok) throw new Error(`POST ${path}: ${status} ${text}`);
    return json;
  }

  #vidu(path, body) {
    const authorization = `Basic ${Buffer.from(`OPENVIDUAPP:${this.#secret}`).toString("base64")}`;
    return this.#call(`/openvidu/api/${path}`, { authorization }, body);
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
