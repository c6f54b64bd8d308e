/** Numbers gathered during a turn as ranges, and runs of numbers with a flag. Owns their bytes. */
import type { ByteReader, ByteWriter } from '../codec.ts'

/** In any order; neighbours in order cost nothing. Each range: distance from the end of the one before (zigzag), length − 1. */
export class Ranges {
  #from: number[] = []
  #to: number[] = []

  get isEmpty(): boolean {
    return this.#from.length === 0
  }

  add(n: number): void {
    const last = this.#to.length - 1
    if (last >= 0 && this.#to[last] === n - 1) this.#to[last] = n
    else {
      this.#from.push(n)
      this.#to.push(n)
    }
  }

  /** Writes them, and is empty. */
  write(w: ByteWriter): void {
    w.varint(this.#from.length)
    let at = 0
    for (let i = 0; i < this.#from.length; i++) {
      const distance = this.#from[i]! - at
      w.varint(distance < 0 ? -distance * 2 - 1 : distance * 2)
      w.varint(this.#to[i]! - this.#from[i]!)
      at = this.#to[i]!
    }
    this.clear()
  }

  clear(): void {
    this.#from.length = 0
    this.#to.length = 0
  }
}

/** `visit` is called for each number; it should throw at one that cannot be, which also ends a damaged range. */
export function readRanges(r: ByteReader, visit: (n: number) => void): void {
  let at = 0
  for (let left = r.varint(); left > 0; left--) {
    const zigzag = r.varint()
    const from = at + (zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2)
    at = from + r.varint()
    if (from < 0) throw new RangeError(`Range from ${from} in a frame`)
    for (let n = from; n <= at; n++) visit(n)
  }
}

/** Rising numbers, each with a flag that holds for all since the one before. */
export class Runs {
  #up: number[] = []
  #flag: boolean[] = []

  get isEmpty(): boolean {
    return this.#up.length === 0
  }

  add(n: number, flag: boolean): void {
    const last = this.#up.length - 1
    if (last >= 0 && this.#flag[last] === flag) this.#up[last] = n
    else {
      this.#up.push(n)
      this.#flag.push(flag)
    }
  }

  /** Writes them, and is empty. */
  write(w: ByteWriter): void {
    w.varint(this.#up.length)
    let at = 0
    for (let i = 0; i < this.#up.length; i++) {
      w.varint((this.#up[i]! - at) * 2 + (this.#flag[i] ? 1 : 0))
      at = this.#up[i]!
    }
    this.clear()
  }

  clear(): void {
    this.#up.length = 0
    this.#flag.length = 0
  }
}

export function readRuns(r: ByteReader, visit: (upTo: number, flag: boolean) => void): void {
  let at = 0
  for (let left = r.varint(); left > 0; left--) {
    const n = r.varint()
    at += Math.floor(n / 2)
    visit(at, n % 2 === 1)
  }
}
