/** What the client needs of a WebSocket. The browser's own has this shape; another may take its place. */
export interface Socket {
  onopen: ((event: never) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

export type OpenSocket = () => Socket

/** Opens the browser's WebSocket at `/ws` of the server at `base`: `https://host`, or `https://host/chat`. */
export const browserSocket = (base: string): OpenSocket => () => new WebSocket(`${base.replace(/^http/, "ws")}/ws`) as unknown as Socket

/** Takes every handler off a socket and closes it. Nothing of it is heard again: a dead connection may take minutes to close. */
export const abandon = (socket: Socket, code = 1000): void => {
  socket.onopen = socket.onmessage = socket.onclose = null
  socket.onerror = () => {}
  try {
    socket.close(code)
  } catch {
    // It was closed already.
  }
}

/** Tells whether the machine has a network at all. In a browser: `navigator.onLine` and the `online` and `offline` events of `window`. */
export interface Network {
  isOnline(): boolean
  onChange(listener: (online: boolean) => void): () => void
  /** Called when the page or machine woke up: a connection that looks alive may be long dead. */
  onWake(listener: () => void): () => void
}

export const browserNetwork = (): Network => ({
  isOnline: () => navigator.onLine,
  onChange(listener) {
    const online = () => listener(true)
    const offline = () => listener(false)
    addEventListener("online", online)
    addEventListener("offline", offline)
    return () => {
      removeEventListener("online", online)
      removeEventListener("offline", offline)
    }
  },
  onWake(listener) {
    const shown = () => {
      if (document.visibilityState === "visible") listener()
    }
    document.addEventListener("visibilitychange", shown)
    addEventListener("pageshow", shown)
    return () => {
      document.removeEventListener("visibilitychange", shown)
      removeEventListener("pageshow", shown)
    }
  },
})

/** A network that is always there: for other places than a browser. */
export const steadyNetwork = (): Network => ({ isOnline: () => true, onChange: () => () => {}, onWake: () => () => {} })
