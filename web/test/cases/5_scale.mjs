// A long evening: 20,000 messages.
import { ok, until } from "../browser.mjs";

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
  const again = performance.now();
  await a.page.reload();
  await until(() => a.page.locator(".message").count(), "the panel opens again");
  const reopen_ms = Math.round(performance.now() - again);
  ok(reopen_ms < 1500, `opening took ${reopen_ms} ms`);
  return `open ${open_ms} ms, again ${reopen_ms} ms; ${scroll.frames} frames, half in ${scroll.p50} ms, 95 % in ${scroll.p95} ms; ${scroll.nodes} nodes; heap ${Math.round(scroll.heap / 1e6)} MB`;
}
