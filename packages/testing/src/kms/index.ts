export {
  type FakeKms,
  type FakeKmsClientConfig,
  startFakeKms,
} from './fake-kms.ts'
export type { FakeKmsFault, FaultFilter } from './faults.ts'
export type { FakeKmsKeyState, NewKeyOptions } from './key-store.ts'
export type { FakeKmsCall, FakeKmsOperation } from './protocol.ts'
