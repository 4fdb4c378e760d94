import { svelte } from "@sveltejs/vite-plugin-svelte"
import type { Plugin } from "vite"
import { defineConfig } from "vitest/config"
import { precompressed } from "./precompressed.ts"

/** What the built page may load: its own origin and nothing else. `blob:` is the preview of a file that is still on its way up. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ")

/** Writes the policy into the built page, so that it holds whoever serves the files. Not in development: Vite injects styles inline there. */
const contentSecurityPolicy = (): Plugin => ({
  name: "homin-content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: CONTENT_SECURITY_POLICY },
      injectTo: "head-prepend",
    },
  ],
})

const SERVER = process.env["HOMIN_SERVER"] ?? "http://127.0.0.1:8080"

export default defineConfig({
  plugins: [svelte(), contentSecurityPolicy(), precompressed()],
  base: "./", // wherever it is served, under a path too: every address in it is relative to the page
  build: {
    outDir: "dist",
    target: "es2022",
    assetsInlineLimit: 0, // a font or picture as a data: address would need a wider policy
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": { target: SERVER },
      "/ws": { target: SERVER, ws: true },
    },
  },
  test: {
    // For `node` Svelte is made as for a server, where no effect runs: what tests effects is of the page.
    projects: [
      { extends: true, test: { name: "node", include: ["src/**/*.test.ts", "test/**/*.test.ts"], exclude: ["**/*.svelte.test.ts"], environment: "node" } },
      { extends: true, test: { name: "page", include: ["test/**/*.svelte.test.ts"], environment: "./test/page/page.ts" } },
    ],
  },
})
