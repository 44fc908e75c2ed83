export { type FakeClock, fakeClock } from './fake-clock.ts'
export { sessionTableContract, type TableUnderTest, type TestRunner } from './session-table-contract.ts'
