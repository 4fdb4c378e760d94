/** Small things that the browser remembers. Where storage is forbidden they last as long as the page. */
const attempt = <Value>(read: () => Value, otherwise: Value): Value => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const over = (storage: () => Storage) => ({
  get: (key: string): string | null => attempt(() => storage().getItem(`homin.${key}`), null),
  set: (key: string, value: string): void => attempt(() => storage().setItem(`homin.${key}`, value), undefined),
  remove: (key: string): void => attempt(() => storage().removeItem(`homin.${key}`), undefined),
})

/** For all tabs, for ever. */
export const lasting = over(() => localStorage)
/** For this tab, until it is closed. */
export const tabOnly = over(() => sessionStorage)
