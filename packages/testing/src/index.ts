export { type FakeClock, fakeClock } from './fake-clock.ts'
export {
  type FakeAnswer,
  type FakeProvider,
  type FakeProviderOptions,
  type FakeProviderProfile,
  type FakeTokenResponse,
  fakeProvider,
} from './fake-provider.ts'
export { type KeyringUnderTest, keyringContract } from './keyring-contract.ts'
export { type StoreSemantics, sessionStoreContract } from './session-store-contract/contract.ts'
export type {
  ConflictPolicy,
  ContractOptions,
  CreateStore,
  Fault,
  SessionData,
  StoreCallback,
  StoreEvent,
  StoreFixture,
  StoreUnderTest,
} from './session-store-contract/store-under-test.ts'
export { sessionTableContract } from './session-table-contract.ts'
export type { TableUnderTest } from './table-under-test.ts'
export type { TestRunner } from './test-runner.ts'
export { tokenVaultContract } from './token-vault-contract/contract.ts'
export type {
  CreateVault,
  FreshUnderTest,
  GrantUnderTest,
  OpenGrantUnderTest,
  ProviderUnderTest,
  SelectorUnderTest,
  TokenInfoUnderTest,
  TokenTypeUnderTest,
  TokenUnderTest,
  VaultContractOptions,
  VaultFixture,
  VaultUnderTest,
} from './token-vault-contract/vault-under-test.ts'
