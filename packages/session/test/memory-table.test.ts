import { sessionTableContract } from '@waxseal/testing'
import { describe, it } from 'vitest'
import { MemoryTable } from '../src/index.ts'

sessionTableContract({ describe, it }, () => new MemoryTable())
