/** An outbox in an IndexedDB database, for browsers. Knows no message. */
import type { Storage } from './storage.ts'

const STORE = 'records'

interface Row {
  readonly order: number
  readonly key: string
  readonly text: string
}

export class IndexedDbStorage implements Storage {
  readonly #name: string
  /** Place of each live record: rows are in the order they were first put. */
  readonly #places = new Map<string, number>()
  #database: IDBDatabase | undefined
  #last = 0

  constructor(name: string) {
    this.#name = name
  }

  async open(): Promise<ReadonlyMap<string, string>> {
    const request = indexedDB.open(this.#name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'order' })
    this.#database = await answer(request)
    const rows = await answer<Row[]>(this.#transaction('readonly').objectStore(STORE).getAll())
    for (const { key, order } of rows) this.#places.set(key, order)
    this.#last = rows.at(-1)?.order ?? 0
    return new Map(rows.map(({ key, text }) => [key, text]))
  }

  put(key: string, text: string): Promise<void> {
    const order = this.#places.get(key) ?? ++this.#last
    this.#places.set(key, order)
    return this.#write(store => store.put({ order, key, text } satisfies Row))
  }

  delete(...keys: string[]): Promise<void> {
    const places = keys.flatMap(key => this.#places.get(key) ?? [])
    for (const key of keys) this.#places.delete(key)
    if (places.length === 0) return Promise.resolve()
    return this.#write(store => {
      for (const place of places) store.delete(place)
    })
  }

  async close(): Promise<void> {
    // Closing waits for the transactions that run.
    this.#database?.close()
    this.#database = undefined
  }

  async #write(change: (store: IDBObjectStore) => void): Promise<void> {
    const transaction = this.#transaction('readwrite')
    change(transaction.objectStore(STORE))
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error(`Database '${this.#name}' gave up a change`))
    })
  }

  #transaction(mode: IDBTransactionMode): IDBTransaction {
    if (this.#database === undefined) throw new Error(`Database '${this.#name}' is not open`)
    // 'strict' waits until the change is on the disk, not only with the operating system.
    return this.#database.transaction(STORE, mode, { durability: 'strict' })
  }
}

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('The database did not answer'))
  })
