// Named so, because it is left out, and said to be, where there is no Spin.
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkModel } from '../check-model.ts'

const file = fileURLToPath(new URL('../../../docs/decisions/refresh-protocol.pml', import.meta.url))

// Each search takes some seconds of one processor, more where others need it.
const timeout = 120_000

describe('the refresh of one grant', () => {
  it.each([
    'REFRESHERS=2 OTHERS=2',
    'REFRESHERS=2 OTHERS=1 GRACE=1',
    'REFRESHERS=2 OTHERS=1 REUSE=0',
    'REFRESHERS=3 OTHERS=0',
  ])('%s: nothing is lost, spent twice or back after a revocation', { timeout }, async (macros) => {
    const { violation, states } = await checkModel(file, macros.split(' '))
    expect(violation).toBe(undefined)
    expect(states).toBeGreaterThan(300_000)
  })

  it.each([
    ['LEASE', '!(spentTwice)'],
    ['END_OF_LEASE', 'invalid end state'],
    ['MARK', '!(tooSoon)'],
    ['MARK_KEPT', '!(tooSoon)'],
    ['PATIENCE', '!(tooSoon)'],
    ['RETURNING', '!(killed)'],
    ['FENCE', '!(lost)'],
    ['FENCE_BY_VERSION', '!(missed)'],
    ['KEEPING_THE_VERSION', '!(missed)'],
    ['COMPARISON', '!(lost)'],
    ['PREPARING', '!(lost)'],
    ['VERSION_OF_CONSENT', '!(lost)'],
    ['VERSION_OF_REVOCATION', '!(resurrected)'],
    ['REVOKING_WHAT_CAME_LATE', '!(leftOver)'],
  ])('goes wrong without %s: %s', { timeout }, async (defence, violation) => {
    expect((await checkModel(file, ['OTHERS=1', `WITHOUT_${defence}`])).violation).toBe(violation)
  })

  it.each([
    ['FENCE_OF_FAIL', '!(spentTwice)'],
    ['DOUBT_KEPT', '!(blamed)'],
  ])('goes wrong without %s where three refresh: %s', { timeout }, async (defence, violation) => {
    expect((await checkModel(file, ['REFRESHERS=3', 'OTHERS=0', `WITHOUT_${defence}`])).violation).toBe(violation)
  })
})
