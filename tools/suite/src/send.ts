import { type IncomingMessage, request } from 'node:http'

/**
 * Sends a GET on a connection of its own, which no idle time-out can end in the middle. Gives the answer once all of it has
 * arrived; `undefined` when it was cut off, as Express does when the save at its end fails.
 */
export function send(url: string, cookie: string | undefined): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const headers = cookie === undefined ? {} : { cookie }
    request(url, { agent: false, headers }, (response) => response.resume().on('close', () => resolve(response)))
      .on('error', () => resolve(undefined))
      .end()
  })
}
