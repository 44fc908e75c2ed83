export { type FakeClock, fakeClock } from './fake-clock.ts'
export { type KeyringUnderTest, keyringContract } from './keyring-contract.ts'
export { sessionTableContract, type TableUnderTest } from './session-table-contract.ts'
export type { TestRunner } from './test-runner.ts'
