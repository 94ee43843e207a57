// Hostile text in every place that shows text. A payload that ran would set a global, open a dialog or break the policy.
import { equal, ok, until } from "../browser.mjs";

const RUN = "(self.__xss=(self.__xss||0)+1)";
const TAGS = [
  `<script>${RUN}</script>`, `<img src=x onerror=${RUN}>`, `<svg onload=${RUN}>`, `<svg><script>${RUN}</script></svg>`, `<iframe srcdoc="<script>parent.${RUN}</script>">`,
  `<iframe src="javascript:${RUN}">`, `<body onload=${RUN}>`, `<details open ontoggle=${RUN}>`, `<video><source onerror=${RUN}></video>`, `<audio src=x onerror=${RUN}>`,
  `<input autofocus onfocus=${RUN}>`, `<select autofocus onfocus=${RUN}>`, `<textarea autofocus onfocus=${RUN}>`, `<marquee onstart=${RUN}>`, `<object data="javascript:${RUN}">`,
  `<embed src="javascript:${RUN}">`, `<a href="javascript:${RUN}">x</a>`, `<form action="javascript:${RUN}"><button>x`, `<math href="javascript:${RUN}">x</math>`, `<link rel=stylesheet href="javascript:${RUN}">`,
  `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`, `<base href="javascript:${RUN}//">`, `<style>@import 'javascript:${RUN}';</style>`, `<div style="background:url(javascript:${RUN})">`, `<template><script>${RUN}</script></template>`,
  `"><script>${RUN}</script>`, `'><img src=x onerror=${RUN}>`, `--><script>${RUN}</script>`, `</textarea><script>${RUN}</script>`, `</title><img src=x onerror=${RUN}>`,
  `" onmouseover="${RUN}`, `' autofocus onfocus='${RUN}`, `<<script>${RUN}//<</script>`, `<scr<script>ipt>${RUN}</scr</script>ipt>`, `<ScRiPt>${RUN}</sCrIpT>`,
  `<img/src=x/onerror=${RUN}>`, `<svg/onload=${RUN}>`, `<img src=\`x\` onerror=${RUN}>`, `&lt;script&gt;${RUN}&lt;/script&gt;`, `&#60;img src=x onerror=${RUN}&#62;`,
  `\\x3cscript\\x3e${RUN}`, `\${${RUN}}`, `{{constructor.constructor('${RUN}')()}}`, `<x-y is=sidetalk-chat onclick=${RUN}>`, `<slot onslotchange=${RUN}>`,
  `<sidetalk-chat token="x" room="x" onclick="${RUN}">`, `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`, `<svg><animate onbegin=${RUN} attributeName=x>`, `<svg><use href="data:image/svg+xml,<svg onload=${RUN}>">`, `<math><mtext></form><form><mglyph><style></math><img src onerror=${RUN}>`,
];
const LINKS = [
  `javascript:${RUN}`, `JaVaScRiPt:${RUN}`, ` javascript:${RUN}`, `java\tscript:${RUN}`, `java\nscript:${RUN}`, `\u0001javascript:${RUN}`, `javascript&colon;${RUN}`, `data:text/html,<script>${RUN}</script>`,
  `data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==`, `vbscript:msgbox(1)`, `blob:https://x/1`, `file:///etc/passwd`, `//evil.example`, `\\\\evil.example`, `https://x" onmouseover="${RUN}`, `https://x' onclick='${RUN}`,
  `https://x><script>${RUN}</script>`, `https://user:pw@evil.example`, `mailto:a@b.example?subject="><script>${RUN}</script>`, `https://x.example/#"><img src=x onerror=${RUN}>`, `http://[::1]:1/"onload=${RUN}`, `javascript://https://x%0a${RUN}`,
  `feed:javascript:${RUN}`, `view-source:javascript:${RUN}`, `intent://x#Intent;scheme=javascript;end`, `ws://x`, `about:blank`, `chrome://settings`, `https:javascript:${RUN}`, `http:/\\evil.example`,
];
const UNICODE = ["\u202egnp.exe", "\u2066\u2067\u2068x", "a".repeat(40) + "\u0300".repeat(2000), "\u200b\u200c\u200d", "\ufeff<b>", "\u2028<i>\u2029", "𝕏".repeat(50), "﷽".repeat(20), "\u{e0041}tag", "\ud83d\udc69\u200d".repeat(50)];
const PAYLOADS = [...TAGS, ...LINKS.map((link) => `[click me](${link})`), ...LINKS, ...UNICODE, `![x](${LINKS[0]})`, `<${LINKS[0]}>`, `[a]: ${LINKS[0]}\n[a]`, "`<script>`", "```\n<script>\n```", `> <img src=x onerror=${RUN}>`, `- <svg onload=${RUN}>`, `**<b onclick=${RUN}>**`, `@<img src=x onerror=${RUN}>`];

/** A name that the server takes: no control characters. The rest of a payload stays as it is. */
const nameOf = (payload) => payload.replace(/[\p{Cc}\u2028\u2029]/gu, "").slice(0, 80).trim() || "x";

/** What no message may bring into the page. */
async function inspect(page, where) {
  const found = await page.evaluate(() => {
    const root = document.querySelector("sidetalk-chat").shadowRoot;
    const bad = [];
    for (const element of [...root.querySelectorAll("*"), ...document.querySelectorAll("body *")]) {
      if (/^(script|iframe|object|embed|link|meta|base|style|form|video|audio|math)$/i.test(element.localName) && !element.matches(".composer, head *")) bad.push(element.localName);
      for (const { name, value } of element.attributes) {
        if (/^on|^srcdoc$|^style$/i.test(name) && !/^(transform|height|width|top|left):/.test(value)) bad.push(`${element.localName} ${name}=${value}`);
        if (/^(href|src|action|formaction|xlink:href)$/i.test(name) && !/^(https?:|mailto:)/i.test(value)) bad.push(`${element.localName} ${name}=${value}`);
      }
      if (element.localName === "a" && element.getAttribute("rel") !== "noopener noreferrer nofollow") bad.push(`a without rel: ${element.outerHTML}`);
    }
    return { bad, ran: globalThis.__xss ?? 0 };
  });
  equal(found.bad, [], `elements and attributes, ${where}`);
  equal(found.ran, 0, `payloads that ran, ${where}`);
}

export async function no_payload_runs_in_texts_replies_and_pins({ browser, server }) {
  ok(PAYLOADS.length >= 100, `only ${PAYLOADS.length} payloads`);
  const room = "xss";
  const reader = await browser.person(room, { user: "grace", name: "Grace", role: "moderator" });
  const { page } = reader;
  let dialogs = 0;
  page.on("dialog", (dialog) => (dialogs++, dialog.dismiss()));
  page.on("popup", () => dialogs++);
  for (const text of PAYLOADS) {
    const { id } = await server.post(room, text, { sender: { user: "mallory", name: nameOf(text) } });
    await server.post(room, `reply to ${text}`, { reply_to: id });
  }
  await until(async () => (await page.locator(".message").count()) > 5, "messages");
  for (let n = 0; n < 40; n++) {
    await inspect(page, `page ${n}`);
    const top = await page.evaluate(() => {
      const scroller = document.querySelector("sidetalk-chat").shadowRoot.querySelector(".scroller");
      scroller.scrollTop -= scroller.clientHeight;
      return scroller.scrollTop;
    });
    await page.waitForTimeout(60);
    if (top === 0) break;
  }
  for (const row of (await page.locator(".message").all()).slice(0, 10)) await row.hover({ timeout: 1000 }).catch(() => undefined);
  await page.locator("[aria-label=Search]").click();
  await page.locator("input[type=search]").fill("script");
  await page.locator(".results li").first().waitFor();
  await inspect(page, "the search");
  equal(dialogs, 0, "dialogs and windows");
  return `${PAYLOADS.length} payloads`;
}

export async function no_payload_runs_in_names({ browser, server }) {
  const room = "xss-names";
  const reader = await browser.person(room, { user: "grace", name: "Grace", role: "moderator" });
  for (const [at, name] of PAYLOADS.slice(0, 24).entries()) {
    const clean = nameOf(name);
    const person = await browser.person(room, { user: `m${at} ${clean.slice(0, 60)}`, name: clean });
    await person.input.fill("x");
    await person.say(`hello @${clean}`);
    if (at % 6 === 5) {
      await reader.page.locator(".head .count").click();
      await inspect(reader.page, `the people with ${clean}`);
      await reader.page.locator(".side [aria-label=Back]").click();
    }
    await inspect(reader.page, `the list with ${clean}`);
    await person.page.context().close();
  }
}
