import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { measureInProcess } from '../child.ts'
import { atMost, type Benchmark, median, type Row, timesFaster } from '../row.ts'
import type { Timing } from './process.ts'

const processes = 11

/** Rows `NAME` (hot) and `NAME-cold`: medians over the processes of Waxseal beside `peer`. */
async function measure(name: string, peer: string, target: number, judge: typeof atMost): Promise<Row[]> {
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const samples: Record<string, Timing>[] = []
  for (let i = 0; i < processes; i++) {
    samples.push(await measureInProcess(new URL('process.ts', import.meta.url), [name, endpoint]))
  }
  server.close()

  const pick = (candidate: string, kind: keyof Timing) => samples.map((sample) => (sample[candidate] as Timing)[kind])
  return (['hot', 'cold'] as const).map((kind) => {
    const baseline = median(pick(peer, kind))
    const control = median(pick('control', kind)) / baseline
    const row = { unit: 'µs', value: median(pick('waxseal', kind)), baseline, control }
    return judge(target, { name: kind === 'hot' ? name : `${name}-cold`, ...row })
  })
}

export const seal1k: Benchmark = () => measure('seal-1k', 'naive', 2, atMost)
export const open1k: Benchmark = () => measure('open-1k', 'naive', 2, atMost)
export const seal1kEsdk: Benchmark = () => measure('seal-1k-esdk', 'esdk', 25, timesFaster)
