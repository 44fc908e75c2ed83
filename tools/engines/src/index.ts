/**
 * Real DynamoDB engines for tests and benchmarks. In a test, the engines already run; loop over them:
 *
 *   import { inject } from 'vitest'
 *   import { clientConfig, startFaultProxy } from '@waxseal/engines'
 *   import '@waxseal/engines/vitest-setup' // types of inject('engines')
 *
 *   describe.each(inject('engines'))('$name', ({ endpoint }) => {
 *     const client = new DynamoDBClient(clientConfig(endpoint)) // one table name per file: files run side by side
 *   })
 *   const proxy = await startFaultProxy(endpoint) // proxy.endpoint; await proxy.setMode('blackhole'); await proxy.stop()
 *
 * Elsewhere: `const engine = await startDynalite()` or `await startDynamoDBLocal()`, then `await engine.stop()`.
 */
export { startDynalite } from './dynalite.ts'
export { startDynamoDBLocal } from './dynamodb-local.ts'
export { availableEngines, clientConfig, type Engine, type EngineName } from './engine.ts'
export { type FaultMode, type FaultProxy, startFaultProxy } from './fault-proxy.ts'
