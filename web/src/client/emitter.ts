/** A set of listeners to one kind of event. A listener that throws does not keep the others from hearing. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  /** Calls `listener` with every event from now on; the answer ends that. */
  on(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: Event): void {
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(event)
      } catch (error) {
        reportError(error)
      }
    }
  }
}

// Surfaces as an uncaught error (and in the console) without breaking the delivery to the others.
const reportError = (error: unknown): void => {
  queueMicrotask(() => {
    throw error
  })
}
