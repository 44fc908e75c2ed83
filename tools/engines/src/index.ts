/**
 * Real database engines for tests and benchmarks. In a test, they already run; loop over those of DynamoDB:
 *
 *   import { inject } from 'vitest'
 *   import { clientConfig, startFaultProxy } from '@waxseal/engines'
 *   import '@waxseal/engines/vitest-setup' // types of inject('engines')
 *
 *   describe.each(inject('engines'))('$name', ({ endpoint }) => {
 *     const client = new DynamoDBClient(clientConfig(endpoint)) // one table name per file: files run side by side
 *   })
 *   const proxy = await startFaultProxy(endpoint) // proxy.endpoint; await proxy.setMode('blackhole'); await proxy.stop()
 *   const pool = new Pool({ connectionString: inject('postgres') }) // likewise: one table name per file
 *
 * Elsewhere: `const engine = await startDynalite()`, `startDynamoDBLocal()` or `startPostgres()`, then
 * `await engine.stop()`. PGlite lives in the process that asks for it: `await startPglite()`,
 * in a test file `await startPglite(inject('pgliteImage'))`.
 */
export { startDynalite } from './dynalite.ts'
export { startDynamoDBLocal } from './dynamodb-local.ts'
export { availableEngines, clientConfig, type Engine, type EngineName } from './engine.ts'
export { type FaultMode, type FaultProxy, startFaultProxy } from './fault-proxy.ts'
export { type PgBouncerEngine, startPgBouncer } from './pgbouncer.ts'
export { type PgliteEngine, startPglite } from './pglite.ts'
export { type PostgresEngine, startPostgres } from './postgres.ts'
