/**
 * Identifiers in the form of a ULID: 26 characters of Crockford's base 32, 48 bits of milliseconds and 80 random bits.
 * They sort by the time at which they were made, also within one millisecond.
 *
 * `crypto.randomUUID` exists only on https and localhost; teams also open Homin at a plain address in their own network.
 */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const TIME_CHARS = 10
const RANDOM_CHARS = 16

let lastTime = 0
let lastRandom: number[] = []

export const newId = (now: number = Date.now()): string => {
  if (now <= lastTime) increment(lastRandom)
  else {
    lastTime = now
    lastRandom = [...crypto.getRandomValues(new Uint8Array(RANDOM_CHARS))].map((byte) => byte % 32)
    lastRandom[0] = lastRandom[0]! % 16 // leaves room to count up within the millisecond
  }
  return encodeTime(lastTime) + lastRandom.map((digit) => ALPHABET[digit]).join("")
}

const encodeTime = (time: number): string => {
  let text = ""
  for (let rest = time, i = 0; i < TIME_CHARS; i++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32] + text
  return text
}

const increment = (digits: number[]): void => {
  for (let i = digits.length - 1; i >= 0; i--) {
    if (digits[i]! < 31) {
      digits[i]! += 1
      return
    }
    digits[i] = 0
  }
}
