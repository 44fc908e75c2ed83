import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FakeProvider, type FakeProviderOptions, fakeProvider } from '../fake-provider.ts'
import type {
  CreateVault,
  OpenGrantUnderTest,
  SelectorUnderTest,
  VaultFixture,
  VaultUnderTest,
} from './vault-under-test.ts'

/** What a case works with. */
export interface CaseSetUp extends VaultFixture {
  readonly provider: FakeProvider
  /**
   * Stores a grant of the provider whose access token ends in so many seconds.
   *
   * @returns the tokens
   */
  connect(secondsLeft: number, selector?: SelectorUnderTest): Promise<ConnectedTokens>
}

export interface ConnectedTokens {
  readonly accessToken: string
  readonly refreshToken: string
}

/** What a case asks for. */
export interface CaseOptions extends FakeProviderOptions {
  readonly refreshTimeoutSeconds?: number
}

export type SetUp = (options?: CaseOptions) => Promise<CaseSetUp>

/** How long the fake provider's access tokens run where it does not say so. */
export const DEFAULT_LIFETIME_SECONDS = 600

/** In seconds: within the buffer of five minutes, and long enough to serve while another one is on its way. */
export const DUE = 200

/** In seconds. */
export const EXPIRED = -60

/** Until a call that has not ended counts as one that hangs, in milliseconds; a busy machine may take long. */
export const PATIENCE = 10_000

export const acme: SelectorUnderTest = { tenantId: 'tenant', provider: 'acme' }

export function newSetUp(create: CreateVault): SetUp {
  return async ({ refreshTimeoutSeconds = 10, ...options } = {}) => {
    const provider = fakeProvider(options)
    const profile = { ...provider.profile, refreshTimeoutSeconds, defaultLifetimeSeconds: DEFAULT_LIFETIME_SECONDS }
    const fixture = await create({ providers: { acme: profile, other: {} } })
    return {
      ...fixture,
      provider,
      async connect(secondsLeft, selector = acme) {
        const { access_token, refresh_token } = provider.connect()
        await store(fixture.vault, selector, { accessToken: access_token, refreshToken: refresh_token }, secondsLeft)
        return { accessToken: access_token, refreshToken: refresh_token }
      },
    }
  }
}

/** Stores both tokens of a grant. */
export async function store(
  vault: VaultUnderTest,
  selector: SelectorUnderTest,
  { accessToken, refreshToken }: ConnectedTokens,
  secondsLeft: number,
): Promise<void> {
  await vault.putGrant({
    ...selector,
    tokens: {
      access_token: { value: accessToken, expiresAt: inSeconds(secondsLeft) },
      refresh_token: { value: refreshToken },
    },
  })
}

export function inSeconds(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000)
}

/** The grant; a case fails where there is none. */
export async function grantOf(vault: VaultUnderTest, selector: SelectorUnderTest = acme): Promise<OpenGrantUnderTest> {
  const grant = await vault.getGrant(selector)
  assert.ok(grant, 'the grant is gone')
  return grant
}

/** Fails where the grant's refresh token is not the one that the provider takes. */
export async function assertAlive(vault: VaultUnderTest, provider: FakeProvider): Promise<void> {
  const { status, tokens } = await grantOf(vault)
  assert.ok(provider.isSpendable(tokens.refresh_token?.value), 'the refresh token in the vault is not the valid one')
  assert.equal(status, 'ACTIVE')
}

/** What a call ended in; a case fails where it does not end. */
export async function inTime<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: 'the call hangs' })), PATIENCE)
  })
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The code of the error that a call ends in, or that there was none. */
export function codeOf(call: Promise<unknown>): Promise<unknown> {
  const outcome = call.then(
    () => 'no error',
    (error: { code?: unknown } | undefined) => error?.code,
  )
  return inTime(outcome)
}

/** Calls so often, at once. */
export function times<T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> {
  return inTime(Promise.all(Array.from({ length: count }, (_, index) => call(index))))
}

/** Waits for what comes about by itself; a case fails where it does not. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE
  while (!(await isSo())) {
    assert.ok(Date.now() < end, what)
    await sleep(20)
  }
}

/** Starts a call and waits until the provider has heard of the refresh that it makes. Its answer is to be held. */
export async function underWay<T>(provider: FakeProvider, call: () => Promise<T>): Promise<{ end: Promise<T> }> {
  const { refreshes } = provider
  const end = call()
  // What it ends in is the case's to judge, later.
  end.catch(() => {})
  await until('the provider was not asked', () => provider.refreshes > refreshes)
  return { end }
}

/** Whether a call ends although nothing happens that it should wait for. */
export async function endsByItself(call: Promise<unknown>): Promise<boolean> {
  const ended = call.then(
    () => true,
    () => true,
  )
  return Promise.race([ended, sleep(150, false)])
}
