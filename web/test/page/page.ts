/** Where tests of Svelte's effects run: what the page's model asks of a browser. */
import type { Environment } from "vitest/runtime"

const page = {
  document: Object.assign(new EventTarget(), { visibilityState: "hidden", hasFocus: () => false }),
  location: { href: "http://localhost/" },
}

export default {
  name: "page",
  viteEnvironment: "client",
  setup(global: typeof globalThis) {
    const here = new EventTarget()
    Object.assign(global, page, {
      addEventListener: here.addEventListener.bind(here),
      removeEventListener: here.removeEventListener.bind(here),
    })
    return { teardown: () => {} }
  },
} satisfies Environment
