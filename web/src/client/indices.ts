/** The index of the first of `entries`, oldest first, whose number is at least `seq`. */
export const indexOf = (entries: readonly { readonly seq: number }[], seq: number): number => {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return low
}
