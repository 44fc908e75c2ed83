// Named so, because it is left out, and said to be, where there is no Spin.
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkModel } from '../check-model.ts'

const path = (name: string) => fileURLToPath(new URL(`../../../docs/decisions/${name}.pml`, import.meta.url))

// Each search takes some seconds of one processor, more where others need it.
const timeout = 120_000

describe("one session's row", () => {
  const file = path('session-row')

  it.each(['POLICY=MERGE', 'POLICY=MERGE REQUESTS=3 SETS=1', 'POLICY=REJECT', 'POLICY=LAST_WRITE_WINS'])(
    '%s: nothing is lost, mixed or back after a logout',
    { timeout },
    async (macros) => {
      const { violation, states } = await checkModel(file, macros.split(' '))
      expect(violation).toBe(undefined)
      expect(states).toBeGreaterThan(500_000)
    },
  )

  it.each([
    ['EXISTENCE', '!(comesBack)'],
    ['EXPIRY', '!(comesBack)'],
    ['LIFE', '!(comesBack)'],
    ['CONDITION_OF_TOUCH', '!(comesBack)'],
    ['NUMBER', '!(lost)'],
    ['COMPARISON', '!(lost)'],
    ['BASE', '!(lost)'],
    ['GUARD', '!(mixed)'],
    ['OWN_RECORD', '!(ownWrite)'],
    ['MEMORY', '!(ownWrite)'],
  ])('goes wrong without %s: %s', { timeout }, async (defence, violation) => {
    expect((await checkModel(file, [`WITHOUT_${defence}`])).violation).toBe(violation)
  })

  it.each(['REJECT', 'LAST_WRITE_WINS'])('%s too needs to know lives apart', { timeout }, async (policy) => {
    expect((await checkModel(file, [`POLICY=${policy}`, 'WITHOUT_LIFE'])).violation).toBe('!(comesBack)')
  })
})

describe('the sessions of one user', () => {
  const file = path('session-user-index')

  it.each(['KEYS=1', 'KEYS=2'])('%s: destroyAllOf ends whom it has to', { timeout }, async (macro) => {
    const { violation, states } = await checkModel(file, [macro])
    expect(violation).toBe(undefined)
    expect(states).toBeGreaterThan(500_000)
  })

  it.each([
    ['ENTRY_BEFORE_PUT', '!(unlisted)'],
    ['MOVE_BEFORE_ROWS', '!(unlisted)'],
    ['LEAVING', '!(unlisted)'],
    ['AGE_OF_ENTRIES', '!(unlisted)'],
    ['CHECK_AFTER_PUT', '!(survives)'],
    ['UNDO_BY_TAG', '!(survives)'],
    ['TAG_CONDITION', '!(otherUsers)'],
  ])('goes wrong without %s: %s', { timeout }, async (defence, violation) => {
    expect((await checkModel(file, ['KEYS=1', `WITHOUT_${defence}`])).violation).toBe(violation)
  })
})
