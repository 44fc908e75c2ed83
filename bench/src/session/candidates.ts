import type { Store } from 'express-session'
import { connectPgStore, waxsealPostgresStore } from './postgres-stores.ts'
import { connectStore, waxsealStore } from './stores.ts'

/** A database that is measured on; each engine that can stand for it runs in another process than the stores. */
export type Database = 'dynalite' | 'dynamodb-local' | 'postgres'

/** Ours, the peer, and the peer once more. */
export const candidateNames = ['waxseal', 'peer', 'control'] as const
export type CandidateName = (typeof candidateNames)[number]

/** A store for each candidate, each with a table of its own at `url`. */
export async function newStores(database: Database, url: string): Promise<Record<CandidateName, Store>> {
  if (database === 'postgres') {
    const waxseal = (await waxsealPostgresStore(url)) as unknown as Store
    return { waxseal, peer: await connectPgStore(url), control: await connectPgStore(url) }
  }
  // Every touch is written, as the peer does it.
  const waxseal = (await waxsealStore(url, { touchAfterSeconds: 0 })).store as unknown as Store
  return { waxseal, peer: (await connectStore(url)).store, control: (await connectStore(url)).store }
}
