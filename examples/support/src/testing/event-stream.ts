import { setTimeout as delay } from 'node:timers/promises'

/**
 * The data of a server-sent event stream, as an EventSource gets it: when the connection ends, or the server is away,
 * it waits as long as the server asked for and connects again.
 */
export async function* eventStream<T>(url: string, cookie: string, signal: AbortSignal): AsyncGenerator<T> {
  let retryMilliseconds = 3000
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { headers: { accept: 'text/event-stream', cookie }, signal })
      for await (const line of lines(response)) {
        if (line.startsWith('retry: ')) retryMilliseconds = Number(line.slice(7))
        if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as T
      }
    } catch {
      // Refused or cut off: the server is down, and that is what the stream is there to outlive.
    }
    await delay(retryMilliseconds, undefined, { signal }).catch(() => {})
  }
}

async function* lines(response: Response): AsyncGenerator<string> {
  let rest = ''
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
}
