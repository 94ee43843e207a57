import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error A plain script without types.
import { BUDGET_BYTES, gzipped, widget } from "../scripts/bundle.mjs";

const folder = new URL(".", import.meta.url);
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /(?<!\.test)\.ts$/.test(name));

test("panel and client together stay within the budget", async () => {
  const files = await widget();
  expect(gzipped(files.get("widget.js"))).toBeLessThanOrEqual(BUDGET_BYTES);
  expect([...files.keys()].sort()).toEqual(["widget-ar.js", "widget-de.js", "widget-es.js", "widget-fr.js", "widget.js"]);
});

test("nothing reads text as markup", () => {
  for (const name of sources) {
    const code = readFileSync(new URL(name, folder), "utf8").replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    expect(code, name).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc\s*=|\beval\(|new Function/);
  }
});

test("files stay short enough to read", () => {
  for (const name of sources) expect(readFileSync(new URL(name, folder), "utf8").split("\n").length, name).toBeLessThan(400);
});

test("it can be imported where there is no page", async () => {
  expect(typeof globalThis.document).toBe("undefined");
  const { SidetalkChat } = await import("./index.js");
  expect(typeof SidetalkChat).toBe("function");
});
