import { expect, test } from "vitest";
import { type Block, type Inline, parseMarkdown, parsePlain, plainText, safeHref } from "./markdown.js";
import { parse } from "./text.js";

/** The tree as one line of text, so that a case reads as a before and an after. */
function show(nodes: (Block | Inline)[]): string {
  return nodes
    .map((node) => {
      if (typeof node === "string") return node;
      if (node.kind === "br") return "⏎";
      if (node.kind === "mention") return `${node.own ? "ME" : "AT"}(${node.text})`;
      if (node.kind === "link") return `a(${node.href}|${show(node.children)})`;
      if (node.kind === "quote") return `quote(${show(node.blocks)})`;
      if (node.kind === "list") return `list${node.start ?? ""}(${node.items.map(show).join(";")})`;
      if (node.kind === "pre" || node.kind === "code") return `${node.kind}(${node.text})`;
      return `${node.kind}(${show(node.children)})`;
    })
    .join("");
}

test.each([
  ["hello", "p(hello)"],
  ["a **b** c", "p(a strong(b) c)"],
  ["*i* _j_ __k__ ~~s~~", "p(em(i) em(j) strong(k) s(s))"],
  ["***both***", "p(strong(em(both)))"],
  ["**a *b* c**", "p(strong(a em(b) c))"],
  ["2 * 3 * 4 and snake_case_name", "p(2 * 3 * 4 and snake_case_name)"],
  ["**never closed", "p(**never closed)"],
  ["*a __b*", "p(em(a __b))"],
  ["**** ~ ~x~ *****", "p(**** ~ ~x~ *****)"],
  ["`a*b*` and ``c`d``", "p(code(a*b*) and code(c`d))"],
  ["`open", "p(`open)"],
  ["one\ntwo\n\nthree", "p(one⏎two)p(three)"],
  ["```js\nlet a = 1 < 2\n```\nafter", "pre(let a = 1 < 2)p(after)"],
  ["```\nnot closed", "pre(not closed)"],
  ["> said\n> twice\nanswer", "quote(p(said⏎twice))p(answer)"],
  ["- a\n- b\n  - c", "list(p(a);p(b)list(p(c)))"],
  ["3. c\n4. d", "list3(p(c);p(d))"],
  ["[docs](https://a.example/x_(y))", "p(a(https://a.example/x_(y)|docs))"],
  ["see https://a.example/x_y_z, ok", "p(see a(https://a.example/x_y_z|https://a.example/x_y_z), ok)"],
  ["(www.a.example)", "p((a(https://www.a.example/|www.a.example)))"],
  ["[x](javascript:alert(1))", "p([x](javascript:alert(1)))"],
  ["[x](data:text/html,a)", "p([x](data:text/html,a))"],
  ["https://good.example@evil.example/", "p(https://good.example@evil.example/)"],
  ["\\*not\\*", "p(*not*)"],
  ["<b>no</b>", "p(<b>no</b>)"],
])("%j becomes %s", (text, tree) => expect(show(parseMarkdown(text))).toBe(tree));

test("plain text keeps its stars and finds addresses", () => {
  expect(show(parsePlain("**a**\nhttp://a.example/"))).toBe("p(**a**⏎a(http://a.example/|http://a.example/))");
});

test("mentions are marked, and only whole ones", () => {
  const mentions = [
    { text: "@Ada Lovelace", own: true },
    { text: "@Bo", own: false },
  ];
  expect(show(parseMarkdown("@Ada Lovelace: @Bo @Bob me@Bo", mentions))).toBe("p(ME(@Ada Lovelace): AT(@Bo) @Bob me@Bo)");
});

test("only web and mail addresses may be clicked", () => {
  for (const bad of ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//x.example",
    "blob:https://x", "https://", "https://a b", "java\nscript:x", "https://u:p@x.example", "https://x.example/\u202egnp"])
    expect(safeHref(bad), bad).toBe(null);
  expect(safeHref("mailto:a@b.example")).toBe("mailto:a@b.example");
});

test("a quote of a message is one line of plain text", () => {
  expect(plainText(parseMarkdown("**a**\n- b\n- `c`\n\n> d"))).toBe("a b, c d");
});

test("hostile text is read in linear time", () => {
  const started = performance.now();
  for (const piece of ["*", "**a ", "_a_", "[", "[a](", "`", "``a`", "> ", "- ", "~~", "https://a.(", "@", "www.", "*a_b~~c"])
    parseMarkdown(piece.repeat(Math.ceil(32_000 / piece.length)), [{ text: "@x", own: false }]);
  expect(performance.now() - started).toBeLessThan(3000);
});

test("no tower of accents stands anywhere, in code neither", () => {
  const tower = `a${"\u0300".repeat(50)}`;
  const text = [tower, `\`${tower}\``, `**${tower}**`, `[${tower}](https://a.example)`, `> ${tower}`, "```", tower, "```"].join("\n");
  for (const format of ["plain", "markdown"] as const) expect(JSON.stringify(parse({ text, format }))).not.toMatch(/\u0300{7}/);
});
