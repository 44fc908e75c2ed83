/** The contract of every token vault, on PostgreSQL and PGlite. */
import { describe, vi } from 'vitest'
import { databases } from '../support/databases.ts'
import { contractOn } from './support/contract.ts'

// Cases that store a thousand times take long where processors are shared.
vi.setConfig({ testTimeout: 120_000 })

describe.each(databases)('$database', contractOn)
