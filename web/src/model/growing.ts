/** Makes a field as high as its text, up to what the style allows. */
export const fitHeight = (field: HTMLTextAreaElement): void => {
  // The box keeps its height meanwhile, or the browser would scroll the log as the place for it grows and shrinks again.
  const box = field.parentElement!
  box.style.minHeight = `${box.offsetHeight}px`
  field.style.height = "auto"
  field.style.height = `${field.scrollHeight + 2}px`
  box.style.minHeight = ""
}
