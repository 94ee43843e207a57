// Pages that were written for OpenVidu and have nothing of ours but the script tag.
import { equal, ok, until } from "../browser.mjs";
import { Line } from "../line.mjs";

const ORIGIN = "http://lessons.example/";

// What a page's author wrote: the calls of the document "Send text messages between users", and lists of what came.
const PAGE = `
  var heard = { typed: [], all: [], private: [], people: [], gone: [], sent: [], story: [] };
  var OV = new OpenVidu();
  var session = OV.initSession();

  session.on('signal:my-chat', (event) => {
    heard.typed.push([event.data, event.from && event.from.connectionId, event.type]);
  });
  session.on('signal', (event) => {
    heard.all.push([event.data, event.from && event.from.connectionId, event.type]);
  });
  session.on('signal:my-private-chat', (event) => heard.private.push(event));
  session.on('connectionCreated', (event) => {
    heard.people.push(event.connection);
  });
  session.on('connectionDestroyed', (event) => heard.gone.push([event.connection.connectionId, event.reason]));
  for (const type of ['reconnecting', 'reconnected', 'sessionDisconnected']) {
    session.on(type, (event) => heard.story.push([event.type, event.reason].filter(Boolean).join(' ')));
  }

  function sayToAll(text) {
    session.signal({
        data: text,
        to: [],
        type: 'my-chat'
      },
      function (error) {
        heard.sent.push(error === null ? null : String(error));
      }
    );
  }
  function sayTo(text, connection1, connection2) {
    session.signal({
      data: text,
      to: connection2 ? [connection1, connection2] : [connection1],
      type: 'my-private-chat'
    });
  }
`;

/** The vendor's REST API, as the application's back end calls it. */
async function rest(server, method, path, body) {
  const answer = await fetch(`${server.url}openvidu/api/${path}`, {
    method,
    headers: { authorization: `Basic ${Buffer.from(`OPENVIDUAPP:${server.project.secret}`).toString("base64")}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json().catch(() => null);
}

async function newSession(server, body = {}) {
  return (await rest(server, "POST", "sessions", body)).id;
}

const newToken = async (server, session, body = {}) => (await rest(server, "POST", `sessions/${session}/connection`, body)).token;

/** A tab with that page. With a line, everything goes over that. */
async function tab({ browser, server }, line) {
  const context = await browser.context();
  const html = `<!doctype html><meta charset="utf-8"><title>Lesson</title><script src="${(line ?? server).url}sdk/openvidu.js"></script>`;
  await context.route(`${ORIGIN}**`, (route) => (route.request().url() === ORIGIN ? route.fulfill({ contentType: "text/html", body: html }) : route.abort()));
  const page = await context.newPage();
  await page.goto(ORIGIN);
  await page.addScriptTag({ content: PAGE });
  return new Tab(page);
}

class Tab {
  constructor(page) {
    this.page = page;
  }

  /** In the form of 1.x, with a callback. */
  async connect(token, data) {
    const error = await this.page.evaluate(([token, data]) => new Promise((done) => session.connect(token, data, (error) => done(error && `${error.name} ${error.code}`))), [token, data]);
    equal(error, null, "what the callback of connect hears");
    this.id = await this.page.evaluate(() => session.connection.connectionId);
  }

  heard(name) {
    return this.page.evaluate((name) => heard[name].map((one) => (one && one.connectionId ? [one.connectionId, one.data] : one)), name);
  }

  async hears(name, count, what) {
    await until(async () => (await this.heard(name)).length >= count, what ?? `${count} in ${name}`);
    return this.heard(name);
  }

  say(text) {
    return this.page.evaluate((text) => sayToAll(text), text);
  }

  /** A private message to the people whom `connectionCreated` told of. */
  whisper(text, ...ids) {
    return this.page.evaluate(([text, ids]) => sayTo(text, ...ids.map((id) => heard.people.find((one) => one.connectionId === id))), [text, ids]);
  }
}

/** Three people in one session, each over a line if there is one of that name. */
async function lesson(world, roles = {}, lines = {}) {
  const session = await newSession(world.server);
  const tabs = [];
  for (const name of ["Ada", "Bob", "Carol"]) {
    const person = await tab(world, lines[name]);
    await person.connect(await newToken(world.server, session, { role: roles[name] ?? "PUBLISHER", data: `seat of ${name}` }), { clientData: name });
    tabs.push(person);
  }
  for (const person of tabs) await person.hears("people", 3);
  return { session, tabs };
}

export async function every_call_of_the_document_works_as_it_is_shown(world) {
  const { tabs } = await lesson(world);
  const [ada, bob, carol] = tabs;
  ok(/^con_[A-Z][A-Za-z0-9]{9}$/.test(ada.id), `an id: ${ada.id}`);
  const people = { Ada: ada.id, Bob: bob.id, Carol: carol.id };
  const described = (name) => [people[name], `{"clientData":"${name}"}%/%seat of ${name}`];
  equal(await ada.heard("people"), ["Ada", "Bob", "Carol"].map(described), "whom Ada sees");
  equal(await bob.heard("people"), ["Bob", "Ada", "Carol"].map(described), "whom Bob sees, himself first");
  equal(await carol.heard("people"), ["Carol", "Ada", "Bob"].map(described), "whom Carol sees, herself first");

  await ada.say("My custom message");
  for (const person of tabs) {
    equal(await person.hears("typed", 1), [["My custom message", ada.id, "my-chat"]], "what the listener of the type hears");
    equal(await person.heard("all"), [["My custom message", ada.id, "my-chat"]], "what the listener of all hears");
  }
  equal(await ada.hears("sent", 1), [null], "what the callback hears");

  await ada.whisper("My private custom message", bob.id);
  await ada.whisper("for both of you", bob.id, carol.id);
  await bob.hears("private", 2);
  equal(await bob.page.evaluate(() => heard.private.map((event) => [event.data, event.type, event.from === heard.people[1]])), [["My private custom message", "my-private-chat", true], ["for both of you", "my-private-chat", true]], "what Bob hears, from the object that connectionCreated gave");
  await ada.say("for all again");
  await carol.hears("typed", 2);
  equal((await carol.heard("all")).map(([data]) => data), ["My custom message", "for both of you", "for all again"], "what Carol hears");
  equal((await ada.heard("all")).map(([data]) => data), ["My custom message", "for all again"], "what Ada hears");
}

export async function texts_arrive_as_they_were_sent_and_in_order(world) {
  const { tabs } = await lesson(world);
  const [ada, bob, carol] = tabs;
  const texts = ["", "\u0000\u0001\u007f \\ \" '", "שלום مرحبا", "👩‍👩‍👧‍👦 e\u0301 \u2028", '{"json":[1]}', "<b>no</b>", "x".repeat(16_000)];
  for (const text of texts) await ada.say(text);
  for (const person of [bob, carol]) equal((await person.hears("typed", texts.length)).map(([data]) => data), texts, "the texts");
  equal(await ada.hears("sent", texts.length), texts.map(() => null), "the callbacks");
  const long = "x".repeat(20_000);
  await ada.page.evaluate((data) => session.signal({ data, type: "drawing" }), long);
  equal((await carol.hears("all", texts.length + 1)).at(-1), [long, ada.id, "drawing"], "a long signal that is no chat");
  await bob.page.evaluate(() => session.signal({ data: { a: 1 } }));
  equal((await ada.hears("all", texts.length + 2)).at(-1), ['{"a":1}', bob.id, "signal"], "an object without a type");
}

export async function more_than_the_server_takes_at_once_is_sent_in_order(world) {
  const { tabs } = await lesson(world);
  const [ada, bob] = tabs;
  const texts = Array.from({ length: 30 }, (_, i) => `number ${i}`);
  await ada.page.evaluate((texts) => texts.forEach(sayToAll), texts);
  for (const person of [ada, bob]) equal((await person.hears("typed", texts.length)).map(([data]) => data), texts, "the texts");
  equal(await ada.hears("sent", texts.length), texts.map(() => null), "the callbacks");
}

export async function native_people_and_pages_talk_with_each_other(world) {
  const { browser, server } = world;
  const { session, tabs } = await lesson(world);
  const [ada, bob] = tabs;
  const nat = await browser.person(session, { user: "nat", name: "Nat" });
  const [, , , natConnection] = await ada.hears("people", 4);
  equal(natConnection[1], '{"clientData":"Nat"}', "what is known of somebody else");
  await nat.say("before anyone has spoken");
  await ada.say("from a page");
  await nat.sees("from a page");
  await nat.say("from the panel");
  const told = [["before anyone has spoken", natConnection[0], "chat"], ["from a page", ada.id, "my-chat"], ["from the panel", natConnection[0], "my-chat"]];
  for (const person of [ada, bob]) equal(await person.hears("all", 3), told, "what pages hear");
  equal(await nat.texts(), told.map(([text]) => text), "what stands in the panel");
  await ada.whisper("a signal is not kept", bob.id);
  await bob.hears("private", 1);
  const late = await browser.person(session, { user: "late", name: "Late" });
  await late.sees("from the panel");
  equal(await late.texts(), told.map(([text]) => text), "what a late one sees");
  equal((await server.messages(session)).map(({ label }) => label), [null, "my-chat", null], "the labels");
  await server.call("POST", `rooms/${session}/signals`, { type: "news", data: "from the server" });
  equal((await ada.hears("all", 4))[3], ["from the server", null, "news"].map((one) => one ?? undefined), "the server has no connection");
}

export async function everybody_is_called_the_same_on_the_vendors_own_wire(world) {
  const { session, tabs } = await lesson(world);
  const [ada] = tabs;
  const raw = await (await world.browser.context()).newPage();
  await raw.route(`${ORIGIN}**`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Raw</title>" }));
  await raw.goto(ORIGIN);
  const token = await newToken(world.server, session);
  const joined = await raw.evaluate(
    ([url, token, session]) =>
      new Promise((done) => {
        window.frames_ = [];
        window.socket = new WebSocket(url);
        const call = (id, method, params) => socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
        window.call = call;
        socket.onopen = () => (call(0, "ping", { interval: 5000 }), call(1, "joinRoom", { token, session, platform: "test", sdkVersion: "2.32.2", metadata: '{"clientData":"Raw"}', secret: "", recorder: false }));
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          frames_.push(frame);
          if (frame.id === 1) done(frame.result);
        };
      }),
    [`${world.server.url.replace("http", "ws")}openvidu?sessionId=${session}`, token, session],
  );
  equal(joined.value.map(({ id, metadata }) => [id, metadata]), await ada.heard("people").then((all) => all.slice(0, 3)), "who is there");
  const [, , , last] = await ada.hears("people", 4);
  equal(last, [joined.id, '{"clientData":"Raw"}'], "the newcomer");
  await raw.evaluate(() => call(2, "sendMessage", { message: JSON.stringify({ to: [], data: "raw", type: "signal:my-chat" }) }));
  equal(await ada.hears("typed", 1), [["raw", joined.id, "my-chat"]], "what a page hears");
  await ada.whisper("to the raw one", joined.id);
  await ada.say("to all");
  const signals = await until(async () => {
    const params = await raw.evaluate(() => frames_.filter(({ method }) => method === "sendMessage").map(({ params }) => params));
    return params.length >= 3 && params;
  }, "three signals");
  const of = (data, type, from) => [data, type, from];
  equal(signals.map(({ data, type, from }) => of(data, type, from)), [of("raw", "signal:my-chat", joined.id), of("to the raw one", "signal:my-private-chat", ada.id), of("to all", "signal:my-chat", ada.id)], "what the raw one hears");
  await raw.evaluate((id) => call(3, "sendMessage", { message: JSON.stringify({ to: [id], data: "only you", type: "signal:my-private-chat" }) }), ada.id);
  await ada.hears("private", 1);
  for (const other of tabs.slice(1)) equal(await other.heard("private"), [], "what the others hear");
}

export async function a_page_survives_the_death_of_the_server(world) {
  const { tabs } = await lesson(world);
  const [ada, bob] = tabs;
  await ada.say("before");
  for (const person of tabs) await person.hears("typed", 1);
  await world.server.kill();
  for (const person of tabs) await until(async () => (await person.heard("story")).length, "reconnecting");
  await ada.say("while it is down");
  await world.server.restart();
  for (const person of tabs) {
    await until(async () => (await person.heard("story")).includes("reconnected"), "reconnected", 20_000);
    equal(await person.heard("story"), ["reconnecting", "reconnected"], "the story");
  }
  await bob.say("after");
  for (const person of tabs) {
    const heard = await person.hears("typed", 3);
    equal(heard.map(([data, from]) => [data, from]), [["before", ada.id], ["while it is down", ada.id], ["after", bob.id]], "each once, in order");
  }
  equal(await ada.hears("sent", 2), [null, null], "the callbacks");
}

/** Nothing is heard for 10 s, a question stays unanswered for 10 s. */
const NOTICED_MS = 24_000;
const BACK_MS = 25_000;

// The old link held the promised connection for some seconds more, so the page came back under another name than its own.
export async function a_page_comes_back_from_a_dead_line_as_who_it_was(world) {
  const lines = { Ada: await Line.to(world.server.url), Bob: await Line.to(world.server.url) };
  try {
    const { session, tabs } = await lesson(world, {}, lines);
    const [ada, bob, carol] = tabs;
    const said = [];
    const say = async (...texts) => {
      said.push(...texts);
      // Every other one is chat, which is stored.
      await carol.page.evaluate((texts) => Promise.all(texts.map((data, at) => session.signal({ data, type: at % 2 ? "my-chat" : "x" }))), texts);
    };
    await say("before", "before, stored");
    for (const person of tabs) await person.hears("all", 2);

    lines.Ada.die();
    lines.Bob.silence();
    await say("one", "two", "three", "four");
    for (const person of [ada, bob]) await until(async () => (await person.heard("story")).length, "it is noticed", NOTICED_MS);
    // Ada's line is dead for what is opened anew, too.
    equal(await ada.heard("story"), ["reconnecting"], "while the line is dead");
    await say("five", "six");
    lines.Ada.heal();
    for (const person of [ada, bob]) {
      await until(async () => (await person.heard("story")).length > 1, "back", BACK_MS);
      equal(await person.heard("story"), ["reconnecting", "reconnected"], "the story");
    }
    await say("seven");
    for (const person of [ada, bob]) await person.page.evaluate((data) => session.signal({ data, type: "x" }), `from ${person.id}`);
    for (const person of tabs) {
      const heard = await person.hears("all", said.length + 2, "everything");
      equal(heard.filter(([, from]) => from === carol.id).map(([data]) => data), said, "what Carol said, once and in order");
      for (const { id } of [ada, bob]) equal(heard.filter(([, from]) => from === id).map(([data]) => data), [`from ${id}`], "who speaks is who it was");
    }
    equal(await carol.heard("gone"), [], "nobody went, in Carol's eyes");
    equal((await carol.heard("people")).length, 3, "nor did anybody come");
    for (const { id } of [ada, bob]) await rest(world.server, "DELETE", `sessions/${session}/connection/${id}`);
    for (const person of [ada, bob]) equal((await person.hears("story", 3)).at(-1), "sessionDisconnected forceDisconnectByServer", "put out under its name");
  } finally {
    await Promise.all(Object.values(lines).map((line) => line.close()));
  }
}

export async function those_who_go_are_told_of_with_the_reason(world) {
  const { session, tabs } = await lesson(world, { Ada: "MODERATOR" });
  const [ada, bob, carol] = tabs;
  const refused = await bob.page.evaluate(() => session.forceDisconnect(heard.people[1]).catch((error) => [error.name, error.code]));
  equal(refused, ["OPENVIDU_PERMISSION_DENIED", 401], "Bob is no moderator");
  await ada.page.evaluate((id) => session.forceDisconnect(heard.people.find((one) => one.connectionId === id)), bob.id);
  equal(await bob.hears("story", 1), ["sessionDisconnected forceDisconnectByUser"], "what Bob is told");
  equal(await carol.hears("gone", 1), [[bob.id, "forceDisconnectByUser"]], "what Carol is told");
  const [left] = await Promise.all([carol.hears("gone", 1), bob.page.evaluate(() => session.signal({ data: "x" }, (error) => heard.sent.push(error.name)).catch(() => {}))]);
  equal(left.length, 1, "Carol's list");
  equal(await bob.hears("sent", 1), ["OPENVIDU_NOT_CONNECTED"], "who is out cannot send");

  await bob.connect(await newToken(world.server, session), "Bob again");
  await ada.hears("people", 4);
  await bob.page.evaluate(() => session.disconnect());
  equal((await carol.hears("gone", 2))[1], [bob.id, "disconnect"], "who leaves");
  equal((await bob.hears("story", 2))[1], "sessionDisconnected disconnect", "what the leaver is told");
  await bob.connect(await newToken(world.server, session), "and again");
  await carol.hears("people", 5);
  await bob.page.close();
  equal((await carol.hears("gone", 3))[2][0], bob.id, "whose tab is closed");

  await rest(world.server, "DELETE", `sessions/${session}`);
  for (const person of [ada, carol]) equal((await person.hears("story", 1)).at(-1), "sessionDisconnected sessionClosedByServer", "the session is closed");
}

export async function refusals_have_their_names_and_numbers(world) {
  const { server } = world;
  const session = await newSession(server);
  const token = await newToken(server, session);
  const [ada, eve] = [await tab(world), await tab(world)];
  const refused = (person, token) => person.page.evaluate((token) => new Promise((done) => session.connect(token, (error) => done([error.name, error.code]))), token);
  await ada.connect(token);
  equal(await refused(eve, token), ["OPENVIDU_PERMISSION_DENIED", 401], "a token that was used");
  equal(await refused(eve, token.replace(/tok_\w+/, "tok_Aaaaaaaaaaaaaaaa")), ["OPENVIDU_PERMISSION_DENIED", 401], "a made up token");
  await eve.connect(await newToken(server, session));
  const signal = (person, wish) => person.page.evaluate((wish) => session.signal(wish).catch((error) => [error.name, error.code]), wish);
  equal(await signal(eve, { data: "x", to: [{ connectionId: "con_Nobody0000" }] }), ["GENERIC_ERROR", 601], "somebody who is not there");
  equal(await signal(eve, { data: "x".repeat(200_000), type: "big" }), ["GENERIC_ERROR", 600], "too large");
  equal(await ada.heard("all"), [], "what Ada heard of all that");
}

export async function late_joiners_get_the_history_if_the_application_wishes_it(world) {
  const { session, tabs } = await lesson(world);
  const [ada, bob] = tabs;
  for (const text of ["one", "two"]) await ada.say(text);
  await bob.hears("typed", 2);
  await bob.say("three");
  await tabs[2].hears("typed", 3);
  await bob.page.evaluate(() => session.disconnect());
  const late = await tab(world);
  await late.connect(await newToken(world.server, session, { replayHistory: 2 }), "Late");
  equal(await late.hears("all", 2), [["two", ada.id, "my-chat"], ["three", undefined, "my-chat"]].map((row) => row.map((one) => one ?? null)), "the last two");
  const plain = await tab(world);
  await plain.connect(await newToken(world.server, session), "Plain");
  await ada.say("four");
  equal(await plain.hears("all", 1), [["four", ada.id, "my-chat"]], "without the wish: only what is new");
}
