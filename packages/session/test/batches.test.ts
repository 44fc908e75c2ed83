import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { type Batch, Batches } from '../src/batches.ts'
import type { StopSignal } from '../src/deadlines.ts'

const newSignal = (): { aborted: boolean; onabort: StopSignal['onabort'] } => ({ aborted: false, onabort: null })
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
const timedOut = { code: 'ERR_WAXSEAL_STORE_TIMEOUT', retryable: true }

function stop(signal: ReturnType<typeof newSignal>) {
  signal.aborted = true
  signal.onabort?.()
}

/** Batches of at most three numbers, whose sending the test sees to. */
function newBatches(send: (batch: Batch<number, string>) => Promise<void> = async () => {}, sizes = {}) {
  const sent: { batch: Batch<number, string>; requests: number[] }[] = []
  const batches = new Batches<number, string>({ most: 3, ...sizes }, async (batch) => {
    sent.push({ batch, requests: batch.waiting.map(({ request }) => request) })
    await send(batch)
  })
  return { batches, sent, requests: () => sent.splice(0).map(({ requests }) => requests) }
}

const answerAll = async (batch: Batch<number, string>) => {
  for (const { request, resolve } of batch.waiting) resolve(`answer to ${request}`)
}

describe('a batch', () => {
  it('holds what is asked for in one turn of the event loop, and no more than its size', async () => {
    const { batches, requests } = newBatches(answerAll)
    const answers = [1, 2, 3, 4].map((request) => batches.add(request, newSignal()))
    await Promise.resolve()
    answers.push(batches.add(5, newSignal()))
    expect(requests()).toEqual([])
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5].map((request) => `answer to ${request}`))
    expect(requests()).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
  })

  it('is not full of what is asked for again and again', async () => {
    const { batches, requests } = newBatches(answerAll)
    await Promise.all([1, 1, 1, 2, 1, 3, 2, 4].map((request) => batches.add(request, newSignal())))
    expect(requests()).toEqual([[1, 1, 1, 2, 1, 3, 2], [4]])
  })

  it('is as small as is asked for while no other is under way', async () => {
    let answer = async (_: Batch<number, string>) => {}
    const { batches, requests } = newBatches((batch) => answer(batch), { first: 1 })
    const ask = (...all: number[]) => Promise.allSettled(all.map((request) => batches.add(request, newSignal())))
    answer = answerAll
    await ask(1, 2, 3, 4, 5)
    expect(requests()).toEqual([[1], [2, 3, 4], [5]])
    let release = () => {}
    answer = (batch) => new Promise<void>((resolve) => (release = resolve)).then(() => answerAll(batch))
    const slow = ask(6)
    await nextTurn()
    answer = answerAll
    await ask(7, 8, 9)
    expect(requests()).toEqual([[6], [7, 8, 9]])
    release()
    await slow
    answer = async () => {
      throw new Error('down')
    }
    await ask(10)
    answer = answerAll
    await ask(11, 12)
    expect(requests()).toEqual([[10], [11], [12]])
  })

  it('takes nothing in once it is sent', async () => {
    const { batches, requests } = newBatches()
    batches.add(1, newSignal())
    await nextTurn()
    batches.add(2, newSignal())
    await nextTurn()
    expect(requests()).toEqual([[1], [2]])
  })

  it('gives the error of its sending to those who have no answer yet', async () => {
    const { batches } = newBatches(async (batch) => {
      batch.waiting[0]!.resolve('answer')
      throw new Error('down')
    })
    const outcomes = await Promise.allSettled([1, 2].map((request) => batches.add(request, newSignal())))
    expect(outcomes).toMatchObject([{ value: 'answer' }, { reason: { message: 'down' } }])
  })

  it('can be sent singly, each with the signal of its own', async () => {
    const { batches } = newBatches(async (batch) => {
      batch.singly(async (request, signal) => {
        if (request === 2) throw new Error('down')
        return `${request} ${signal === signals[0]}`
      })
    })
    const signals = [newSignal(), newSignal()]
    const outcomes = await Promise.allSettled(signals.map((signal, i) => batches.add(i + 1, signal)))
    expect(outcomes).toMatchObject([{ value: '1 true' }, { reason: { message: 'down' } }])
  })
})

describe('what surrounds a caller', () => {
  const request = new AsyncLocalStorage<string>()

  function newSurroundedBatches() {
    const seen: (string | undefined)[] = []
    const { batches } = newBatches(async (batch) => {
      seen.push(request.getStore())
      await answerAll(batch)
    })
    const ask = (name: number, signal = newSignal()) => request.run(`request ${name}`, () => batches.add(name, signal))
    return { ask, seen }
  }

  it('is not around a call for several, whoever came first', async () => {
    const { ask, seen } = newSurroundedBatches()
    await Promise.all([ask(1), ask(2)])
    const signal = newSignal()
    const [left, stayed] = [ask(3, signal), ask(4)]
    stop(signal)
    await expect(left).rejects.toMatchObject(timedOut)
    await stayed
    expect(seen).toEqual([undefined, undefined])
  })

  it('is around the call that is his alone', async () => {
    const { ask, seen } = newSurroundedBatches()
    await ask(1)
    await ask(2)
    expect(seen).toEqual(['request 1', 'request 2'])
  })

  it('is around him again once he has his answer', async () => {
    const { ask } = newSurroundedBatches()
    const after = [1, 2].map((name) =>
      request.run(`request ${name}`, async () => {
        await ask(name)
        return request.getStore()
      }),
    )
    expect(await Promise.all(after)).toEqual(['request 1', 'request 2'])
  })
})

describe('whoever gives up', () => {
  it('is told at once; the call goes on until the last has given up', async () => {
    const { batches, sent } = newBatches(() => new Promise(() => {}))
    const signals = [newSignal(), newSignal()]
    const answers = signals.map((signal, i) => batches.add(i, signal))
    await nextTurn()
    const { signal } = sent[0]!.batch
    let stops = 0
    signal.onabort = () => stops++
    stop(signals[0]!)
    await expect(answers[0]).rejects.toMatchObject(timedOut)
    expect([signal.aborted, stops]).toEqual([false, 0])
    stop(signals[1]!)
    await expect(answers[1]).rejects.toMatchObject(timedOut)
    expect([signal.aborted, stops]).toEqual([true, 1])
  })

  it('before the call is not asked for, and makes room', async () => {
    const { batches, requests } = newBatches(answerAll)
    const signals = [newSignal(), newSignal(), newSignal()]
    const answers = signals.map((signal, i) => batches.add(i, signal))
    stop(signals[1]!)
    answers.push(batches.add(3, newSignal()))
    await expect(answers[1]).rejects.toMatchObject(timedOut)
    await Promise.all([answers[0], answers[2], answers[3]])
    expect(requests()).toEqual([[0, 2, 3]])
  })

  it('as the only one leaves no call, and a batch that nobody joins', async () => {
    const { batches, requests } = newBatches(answerAll)
    const signal = newSignal()
    const left = batches.add(1, signal)
    stop(signal)
    const later = batches.add(2, newSignal())
    await expect(left).rejects.toMatchObject(timedOut)
    expect(await later).toBe('answer to 2')
    expect(requests()).toEqual([[2]])
  })

  it('had given up before is told so, without a call', async () => {
    const { batches, requests } = newBatches(answerAll)
    await expect(batches.add(1, { aborted: true, onabort: null })).rejects.toMatchObject(timedOut)
    await nextTurn()
    expect(requests()).toEqual([])
  })

  it('after the answer changes nothing: a signal serves several calls, one after another', async () => {
    const { batches, sent } = newBatches(answerAll)
    const signal = newSignal()
    await batches.add(1, signal)
    expect(signal.onabort).toBeNull()
    stop(signal)
    expect(sent[0]!.batch.signal.aborted).toBe(false)
  })
})
