declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Speaks DynamoDB over HTTP; keeps its rows in LevelDB under `path`, or in memory. Listens where it is told to. */
  export default function dynalite(options?: { path?: string; createTableMs?: number }): Server
}
