import { type Agent, type IncomingMessage, request } from 'node:http'

/**
 * Sends a GET. Gives the answer once all of it has arrived; `undefined` when it was cut off, as Express does when the save
 * at its end fails. Without `agent` on a connection of its own, which no idle time-out can end in the middle.
 */
export function send(
  url: string,
  cookie: string | undefined,
  agent: Agent | false = false,
): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const headers = cookie === undefined ? {} : { cookie }
    request(url, { agent, headers }, (response) => response.resume().on('close', () => resolve(response)))
      .on('error', () => resolve(undefined))
      .end()
  })
}
