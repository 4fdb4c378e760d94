/** Where this page is served: `https://host/` or, by a proxy, under a path of it, `https://host/chat/`. */

/** What stands before `/api` and `/ws` of the server that the page at `address` comes from, without a slash at its end. */
export const servedFrom = (address: string): string => new URL(".", address).href.replace(/\/$/, "")
