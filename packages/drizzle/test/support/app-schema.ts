/** What an app has in its Drizzle schema, for drizzle-kit. */
import { pgSessionTable } from '../../src/session/index.ts'

export const sessions = pgSessionTable()
