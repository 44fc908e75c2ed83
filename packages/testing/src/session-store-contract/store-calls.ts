import type { SessionData, StoreCallback, StoreUnderTest } from './store-under-test.ts'

/** One way of calling a store. */
export interface StoreCalls {
  readonly through: string
  get(store: StoreUnderTest, id: string): Promise<SessionData | null | undefined>
  set(store: StoreUnderTest, id: string, session: object): Promise<unknown>
  touch(store: StoreUnderTest, id: string, session: object): Promise<unknown>
  destroy(store: StoreUnderTest, id: string): Promise<unknown>
  all(store: StoreUnderTest): Promise<SessionData[] | undefined>
  ids(store: StoreUnderTest): Promise<string[] | undefined>
  length(store: StoreUnderTest): Promise<number | undefined>
  clear(store: StoreUnderTest): Promise<unknown>
}

export const throughPromises: StoreCalls = {
  through: 'promises',
  get: (store, id) => store.get(id),
  set: (store, id, session) => store.set(id, session),
  touch: (store, id, session) => store.touch(id, session),
  destroy: (store, id) => store.destroy(id),
  all: (store) => store.all(),
  ids: (store) => store.ids(),
  length: (store) => store.length(),
  clear: (store) => store.clear(),
}

export const throughCallbacks: StoreCalls = {
  through: 'callbacks',
  get: (store, id) => called((callback) => store.get(id, callback)),
  set: (store, id, session) => called<boolean>((callback) => store.set(id, session, callback)),
  touch: (store, id, session) => called<void>((callback) => store.touch(id, session, callback)),
  destroy: (store, id) => called<void>((callback) => store.destroy(id, callback)),
  all: (store) => called((callback) => store.all(callback)),
  ids: (store) => called((callback) => store.ids(callback)),
  length: (store) => called((callback) => store.length(callback)),
  clear: (store) => called<void>((callback) => store.clear(callback)),
}

function called<T>(start: (callback: StoreCallback<T>) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))))
}
