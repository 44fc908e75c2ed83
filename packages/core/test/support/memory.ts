import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const CHUNK_BYTES = 16 * 1024 * 1024

/**
 * How often each needle stands in the writable memory of a child of this process, which must hold still meanwhile.
 * Linux alone shows a process's memory as a file. @throws Error when this process may not read it.
 */
export function countInMemory(pid: number, needles: Readonly<Record<string, Buffer>>): Record<string, number> {
  const counts = Object.fromEntries(Object.keys(needles).map((name) => [name, 0]))
  const overlap = Math.max(...Object.values(needles).map(({ length }) => length)) - 1
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const { start, end } of writableRegions(pid)) {
      for (let at = start; at < end; at += CHUNK_BYTES) {
        // Chunks overlap, so that none hides what stands across their border; counted where it begins.
        const chunk = read(memory, at, Math.min(CHUNK_BYTES + overlap, end - at))
        for (const [name, needle] of Object.entries(needles)) {
          counts[name] = (counts[name] ?? 0) + positions(chunk, needle).filter((index) => index < CHUNK_BYTES).length
        }
      }
    }
  } finally {
    closeSync(memory)
  }
  return counts
}

function writableRegions(pid: number): { start: number; end: number }[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')
  return lines.flatMap((line) => {
    const [, start = '', end = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
    return start === '' ? [] : [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) }]
  })
}

function read(memory: number, position: number, length: number): Buffer {
  const chunk = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    try {
      const bytes = readSync(memory, chunk, done, length - done, position + done)
      if (bytes === 0) break
      done += bytes
    } catch (error) {
      // Reserved and never touched: there is nothing in it.
      if ((error as NodeJS.ErrnoException).code === 'EIO') break
      throw error
    }
  }
  return chunk.subarray(0, done)
}

function positions(haystack: Buffer, needle: Buffer): number[] {
  const found: number[] = []
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) found.push(at)
  return found
}
