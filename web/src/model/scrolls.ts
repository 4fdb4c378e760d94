/** Boxes that scroll sideways, such as long lines of code: they are stops of the Tab key while there is something to scroll to. */
const watched = typeof ResizeObserver === "undefined" ? null : new ResizeObserver((boxes) => boxes.forEach(({ target }) => settle(target as HTMLElement)))

const settle = (box: HTMLElement): void => {
  const scrolls = box.scrollWidth > box.clientWidth
  if (scrolls) box.tabIndex = 0
  else box.removeAttribute("tabindex")
}

/** An attachment for such a box. */
export const scrollsByKey = (box: HTMLElement): (() => void) => {
  watched?.observe(box)
  return () => watched?.unobserve(box)
}
