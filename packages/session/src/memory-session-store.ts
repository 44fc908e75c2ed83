import { MemoryTable } from './memory-table.ts'
import type { SessionOptions } from './options.ts'
import { SessionStore } from './session-store.ts'

/**
 * Encrypted sessions in this process's memory, with the rules of the database stores. For tests and development: every
 * session ends with the process.
 *
 * @example
 * const store = new MemorySessionStore({ envelope })
 */
export class MemorySessionStore extends SessionStore {
  constructor(options: SessionOptions) {
    super(new MemoryTable(), options)
  }
}
