import { defineConfig } from "vitest/config";

const client = new URL("../client/src/", import.meta.url).pathname;

export default defineConfig({
  plugins: [{ name: "css-text", transform: (code, id) => (id.endsWith(".css") ? { code: "export default ''", map: null } : undefined), enforce: "pre" }],
  resolve: {
    alias: [
      { find: /^@sidetalk\/client$/, replacement: `${client}index.ts` },
      { find: "@sidetalk/client/timeline", replacement: `${client}timeline.ts` },
    ],
  },
  test: { include: ["src/**/*.test.ts"] },
});
