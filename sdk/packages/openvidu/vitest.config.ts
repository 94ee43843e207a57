import { defineConfig } from "vitest/config";

const client = new URL("../client/src/", import.meta.url).pathname;

export default defineConfig({
  resolve: { alias: [{ find: /^@sidetalk\/client$/, replacement: `${client}index.ts` }] },
  test: { include: ["src/**/*.test.ts"] },
});
