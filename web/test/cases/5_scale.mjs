// A long evening: 20,000 messages.
import { equal, ok, until } from "../browser.mjs";

const COUNT = 20_000;
const AT_ONCE = 64;

export async function twenty_thousand_messages_stay_smooth({ browser, server }) {
  const room = "long";
  await server.call("POST", "rooms", { name: room });
  let next = 0;
  const post = async () => {
    while (next < COUNT) {
      const n = next++;
      await server.post(room, n % 7 ? `message ${n} with some words in it` : `message ${n}\n${"and a longer text ".repeat(n % 20)}`, { sender: { user: `u${n % 9}`, name: `Person ${n % 9}` } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, post));

  const started = performance.now();
  const a = await browser.person(room, { user: "ada", name: "Ada" });
  await a.page.locator(".message").first().waitFor();
  const open_ms = Math.round(performance.now() - started);

  // Up through everything, a screen and a half per frame, until the beginning has been reached.
  const scroll = await a.page.evaluate(async (count) => {
    const root = document.querySelector("sidetalk-chat").shadowRoot;
    const scroller = root.querySelector(".scroller");
    const frames = [];
    let nodes = 0;
    let last = performance.now();
    const end = last + 90_000;
    while (performance.now() < end) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
      nodes = Math.max(nodes, root.querySelectorAll("*").length);
      scroller.scrollTop -= scroller.clientHeight * 1.5;
      if (scroller.scrollTop === 0 && root.querySelector(".start") && !/Loading/.test(root.querySelector(".start").textContent)) break;
    }
    const first = [...root.querySelectorAll(".message .text")].map((element) => element.textContent)[0];
    frames.sort((x, y) => x - y);
    const at = (share) => Math.round(frames[Math.floor((frames.length - 1) * share)]);
    return { nodes, first, frames: frames.length, p50: at(0.5), p95: at(0.95), heap: performance.memory?.usedJSHeapSize ?? 0, count };
  }, COUNT);
  ok(/^message \d+/.test(scroll.first ?? ""), `the beginning was reached: ${scroll.first}`);
  ok(scroll.nodes < 4000, `${scroll.nodes} nodes in the page`);
  ok(scroll.p50 <= 34, `half of the frames take ${scroll.p50} ms`);

  // What the reader looks at stays where it is when something comes.
  const place = () => a.page.evaluate(() => {
    const rows = [...document.querySelector("sidetalk-chat").shadowRoot.querySelectorAll(".message")];
    const row = rows.find((each) => each.getBoundingClientRect().top > 200);
    return `${row.dataset.key} at ${Math.round(row.getBoundingClientRect().top)}`;
  });
  const before = await place();
  await server.post(room, "somewhere below");
  await a.page.locator(".jump.has-fresh").waitFor();
  equal(await place(), before, "the row in sight");

  // With all of it loaded, a new message still comes at once, and the way down is one press.
  await server.post(room, "the newest of all");
  await a.page.locator(".jump.has-fresh").waitFor();
  await a.page.locator(".jump").click();
  await a.sees("the newest of all");
  const burst = await a.page.evaluate(async () => {
    const frames = [];
    let last = performance.now();
    for (let n = 0; n < 90; n++) {
      await new Promise(requestAnimationFrame);
      frames.push(performance.now() - last);
      last = performance.now();
    }
    return frames.sort((x, y) => x - y)[Math.floor(frames.length / 2)];
  });
  ok(burst < 40, `frames at rest take ${burst} ms`);
  // A message far up is found and shown.
  await a.page.locator("[aria-label=Search]").click();
  await a.page.locator("input[type=search]").fill("message 4321");
  await a.page.locator(".results button").first().click();
  await a.page.locator(".message", { hasText: "message 4321" }).first().waitFor();

  const again = performance.now();
  await a.page.reload();
  await until(() => a.page.locator(".message").count(), "the panel opens again");
  const reopen_ms = Math.round(performance.now() - again);
  ok(reopen_ms < 1500, `opening took ${reopen_ms} ms`);
  return `open ${open_ms} ms, again ${reopen_ms} ms; ${scroll.frames} frames, half in ${scroll.p50} ms, 95 % in ${scroll.p95} ms; ${scroll.nodes} nodes; heap ${Math.round(scroll.heap / 1e6)} MB`;
}

/** 50 messages a second; SIDETALK_BURST_S makes it as long as wanted. */
export async function fifty_messages_a_second_leave_room_to_breathe({ browser, server }) {
  const room = "burst";
  const seconds = Number(process.env.SIDETALK_BURST_S ?? 8);
  await server.call("POST", "rooms", { name: room });
  const a = await browser.person(room, { user: "ada", name: "Ada" });
  const watch = a.page.evaluate(async (until) => {
    const frames = [];
    let last = performance.now();
    for (const end = last + until; performance.now() < end; ) {
      await new Promise(requestAnimationFrame);
      frames.push(performance.now() - last);
      last = performance.now();
    }
    frames.sort((x, y) => x - y);
    return { p50: Math.round(frames[frames.length >> 1]), p95: Math.round(frames[Math.floor(frames.length * 0.95)]), heap: performance.memory?.usedJSHeapSize ?? 0 };
  }, seconds * 1000);
  const posts = [];
  for (let n = 0; n < seconds * 50; n++) {
    posts.push(server.post(room, `burst ${n} with **some** words`, { sender: { user: `u${n % 5}`, name: `Person ${n % 5}` } }));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(posts);
  const { p50, p95, heap } = await watch;
  await a.sees(`burst ${seconds * 50 - 1} `);
  const nodes = await a.page.evaluate(() => document.querySelector("sidetalk-chat").shadowRoot.querySelectorAll("*").length);
  ok(p50 <= 34 && nodes < 4000 && heap < 120e6, `frames ${p50} ms, ${nodes} nodes, heap ${heap}`);
  return `half of the frames in ${p50} ms, 95 % in ${p95} ms; ${nodes} nodes; heap ${Math.round(heap / 1e6)} MB`;
}

/** Pages hide the chat behind tabs and buttons. Nothing can be measured then, and nothing is read. */
export async function a_panel_that_is_hidden_keeps_its_place_and_reads_nothing({ browser, server }) {
  const room = "hidden";
  await server.call("POST", "rooms", { name: room });
  for (let n = 0; n < 400; n++) await server.post(room, `message ${n} ${"with some words ".repeat(n % 20)}`);
  const { page } = await browser.person(room, { user: "ada", name: "Ada" });
  const hide = (hidden) => page.evaluate((hidden) => (document.querySelector("sidetalk-chat").hidden = hidden), hidden);
  const look = () => page.evaluate(() => {
    const root = document.querySelector("sidetalk-chat").shadowRoot;
    const rows = [...root.querySelectorAll(".message")].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
    const first = rows.find((row) => row.getBoundingClientRect().top > 80);
    return { rows: rows.length, first: `${first?.querySelector(".text").textContent.slice(0, 12)} at ${Math.round(first?.getBoundingClientRect().top)}` };
  });
  const up = () => page.evaluate(() => (document.querySelector("sidetalk-chat").shadowRoot.querySelector(".scroller").scrollTop -= 1500));
  await page.locator(".message").first().waitFor();
  for (let n = 0; n < 20; n++) await up(), await page.waitForTimeout(50);
  const before = await look();
  await hide(true);
  for (let n = 0; n < 5; n++) await server.post(room, `hidden ${n}`);
  await page.waitForTimeout(300);
  const rows = (await look()).rows;
  ok(rows < 100, `${rows} rows in a hidden panel`);
  await hide(false);
  await page.locator(".jump", { hasText: "5 new messages" }).waitFor();
  equal((await look()).first, before.first, "what is in sight again");

  await page.locator(".jump").click();
  await page.locator(".message", { hasText: "hidden 4" }).waitFor();
  await page.waitForTimeout(500);
  await hide(true);
  await server.post(room, "unseen");
  await page.waitForTimeout(500);
  const unread = () => page.evaluate(async () => (await globalThis.room.unread()).find(({ audience }) => audience.type === "room").count);
  await page.evaluate(() => document.addEventListener("sidetalk-ready", ({ detail }) => (globalThis.room = detail.room)));
  await page.evaluate((token) => document.querySelector("sidetalk-chat").setAttribute("token", token), server.token({ sub: "ada", name: "Ada Two" }));
  await until(() => page.evaluate(() => !!globalThis.room), "joined again");
  equal(await unread(), 1, "what was posted to a hidden panel");
  await hide(false);
  await until(async () => (await unread()) === 0, "it is read when it is shown");
  await page.locator(".unread").waitFor();
}

/** People stream in and out of a webinar; each who comes must cost next to nothing, also while the list of people is open. */
export async function a_room_with_two_thousand_people_stays_calm({ browser }) {
  const a = await browser.person("full", { user: "ada", name: "Ada" });
  await a.page.evaluate(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
      globalThis.socket = this;
      send.call(this, frame);
    };
  });
  await a.say("who is there?");
  await a.sees("who is there?");
  const come = (from, to) => a.page.evaluate(async ([from, to]) => {
    let busy = 0;
    for (let n = from; n < to; n++) {
      const presence = { connection: `c${n}`, user: `u${n}`, name: `Person ${n}`, avatar: null, role: "member", groups: [], dialect: "native", data: null, joined_at: new Date().toISOString() };
      const started = performance.now();
      globalThis.socket.onmessage({ data: JSON.stringify({ jsonrpc: "2.0", method: "presence.joined", params: { room: "full", presence } }) });
      // Whatever is put off is part of it, too.
      await new Promise((resolve) => setTimeout(resolve));
      busy += performance.now() - started;
    }
    return Math.round(busy / (to - from));
  }, [from, to]);
  const filling_ms = await come(0, 1900);
  const closed_ms = await come(1900, 2000);
  await a.page.locator(".count", { hasText: "2,001 people" }).waitFor();
  await a.page.locator(".head .count").click();
  const open_ms = await come(2000, 2100);
  ok(filling_ms <= 12 && closed_ms <= 12 && open_ms <= 25, `one more takes ${filling_ms}, ${closed_ms} and ${open_ms} ms`);
  return `one more takes ${filling_ms}, ${closed_ms} and ${open_ms} ms`;
}

export async function a_panel_that_is_moved_goes_on_as_it_was({ browser }) {
  const { page } = await browser.person("moved", { user: "ada", name: "Ada" });
  await page.locator("textarea").fill("in the middle of");
  const same = await page.evaluate(async () => {
    const chat = document.querySelector("sidetalk-chat");
    const panel = chat.shadowRoot.querySelector(".panel");
    document.querySelector("main").append(document.createElement("div"));
    document.querySelector("main > div").moveBefore(chat, null);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return chat.parentNode.localName === "div" && chat.shadowRoot.querySelector(".panel") === panel;
  });
  ok(same, "the panel is the same");
  equal(await page.locator("textarea").inputValue(), "in the middle of", "what was typed");
}

export async function panels_come_and_go_without_a_trace({ browser }) {
  const { page } = await browser.person("coming", { user: "ada", name: "Ada" }, { attributes: { lang: "de" } });
  const tools = await page.context().newCDPSession(page);
  await tools.send("Performance.enable");
  const round = async () => {
    await page.evaluate(async () => {
      const chat = document.querySelector("sidetalk-chat");
      const parent = chat.parentNode;
      for (let n = 0; n < 12; n++) {
        chat.remove();
        await new Promise((resolve) => setTimeout(resolve, (n % 4) * 30));
        parent.append(chat);
        await new Promise((resolve) => setTimeout(resolve, (n % 5) * 60));
      }
    });
    await page.locator(".count:not([hidden])").waitFor();
    await page.waitForTimeout(500);
    for (let n = 0; n < 3; n++) await tools.send("HeapProfiler.collectGarbage");
    const { metrics } = await tools.send("Performance.getMetrics");
    return ["JSEventListeners", "Nodes"].map((name) => metrics.find((metric) => metric.name === name).value);
  };
  await round();
  const [listeners, nodes] = await round();
  const later = await round();
  ok(later[0] <= listeners && later[1] <= nodes, `listeners and nodes: ${listeners}, ${nodes}, then ${later}`);
  equal(await page.locator(".panel").count(), 1, "panels");
}

export async function pages_and_scripts_come_small({ server }) {
  const page = await fetch(server.url);
  const names = [...(await page.text()).matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, name]) => name);
  ok(names.length >= 2, `the page loads ${names}`);
  for (const name of [...names, "widget.js", "sdk/opentok.js", "sdk/openvidu.js"]) {
    const plain = (await (await fetch(`${server.url}${name}`)).arrayBuffer()).byteLength;
    for (const encoding of ["br", "gzip"]) {
      const answer = await fetch(`${server.url}${name}`, { headers: { "accept-encoding": encoding } });
      equal(answer.headers.get("content-encoding"), encoding, `how ${name} comes`);
      const small = Number(answer.headers.get("content-length"));
      ok(small > 0 && small < plain / 2, `${name} has ${small} of ${plain} bytes as ${encoding}`);
      equal((await answer.arrayBuffer()).byteLength, plain, `what ${name} is as ${encoding}`);
    }
  }
}
