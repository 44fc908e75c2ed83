import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { describe, expect, test } from 'vitest'
import { pageHeaders, renderPage } from '../src/index.ts'
import { recordFields } from '../src/page/record-fields.ts'
import type { SessionRow } from '../src/session-row.ts'

const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'test' } })

async function recordOf(bytes: number): Promise<Uint8Array> {
  return envelope.sealJson({ text: 'x'.repeat(bytes) }, { key: 'row' })
}

async function rowOf(record: Uint8Array): Promise<SessionRow> {
  return { sessionId: 'hash', record, ttl: 1, expiresAt: 1000, version: 2, revision: 7, kid: 'kid' }
}

describe('the record, field by field', () => {
  test('shows every byte once, in order', async () => {
    for (const size of [10, 40_000]) {
      const record = await recordOf(size)
      const fields = recordFields(record)
      expect(Buffer.concat(fields.map(({ bytes }) => bytes))).toEqual(Buffer.from(record))
      let end = 0
      for (const { offset, bytes } of fields) {
        expect(offset).toBe(end)
        end = offset + bytes.length
      }
    }
  })

  test('names the fields, with the older words where there are any', async () => {
    const fields = recordFields(await recordOf(10))
    expect(fields.map(({ name }) => name)).toEqual([
      ...['magic', 'version', 'suite', 'flags', 'content', 'wrapped keys'],
      ...['keyring', 'kid', 'wrapped key', 'salt', 'commitment', 'ciphertext', 'tag'],
    ])
    const older = fields.flatMap(({ name, olderWord }) => (olderWord === undefined ? [] : [[name, olderWord]]))
    expect(Object.fromEntries(older)).toEqual({
      'wrapped key': 'encryptedKey',
      salt: 'iv',
      ciphertext: 'encryptedData',
      tag: 'authTag',
    })
  })
})

describe('the page', () => {
  const tokens = {
    accessToken: 'access-token-0001',
    idToken: 'id-token-0002',
    refreshToken: 'refresh-token-0003',
    expiresAt: 0,
  }

  const at = new Date(0)
  const devices = [
    { key: 'hash', label: 'Firefox on Linux', createdAt: at, lastSeenAt: at },
    { key: 'other-hash', label: '"><u>', createdAt: at, lastSeenAt: at },
    { key: 'third-hash', createdAt: at, lastSeenAt: at },
  ]

  test('lists where the user is signed in, with a way out for each but this one', async () => {
    const session = { user: { email: 'ada@example.com' } }
    const row = await rowOf(await recordOf(10))
    const view = {
      stack: 'Express · DynamoDB',
      session,
      sessionId: 'some-session',
      tableName: 'sessions',
      row,
    } as const
    const page = renderPage({ ...view, devices })
    for (const shown of ['Firefox on Linux', 'value="other-hash"', 'value="third-hash"', '/sessions/end-others']) {
      expect(page).toContain(shown)
    }
    expect(page).not.toContain('value="hash"')
    expect(renderPage({ ...view, devices: devices.slice(0, 1) })).not.toContain('/sessions/end')
  })

  test('shows both sides, and of a token or an id no more than its end', async () => {
    const session = { user: { email: 'ada@example.com' }, tokens, note: 'remember' }
    const row = await rowOf(await recordOf(10))
    const page = renderPage({
      stack: 'Express · DynamoDB',
      session,
      sessionId: 'session-id-0004',
      tableName: 'sessions',
      row,
      devices,
    })
    for (const shown of ['<wbr>@example', 'remember', '0001', '0004', 'encryptedData', `data-until="1000"`]) {
      expect(page).toContain(shown)
    }
    for (const hidden of ['access-token', 'id-token', 'refresh-token', 'session-id']) expect(page).not.toContain(hidden)
  })

  test('escapes what a user can choose', async () => {
    const session = { user: { email: '"><script>alert(1)</script>@x' }, note: `<img src=x onerror='alert(1)'>&` }
    const row = await rowOf(await recordOf(10))
    const page = renderPage({
      stack: 'Express · DynamoDB',
      session,
      sessionId: 'some-session',
      tableName: '<u>',
      row,
      devices,
    })
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('<img')
    expect(page).not.toContain('<u>')
    expect(page).toContain('&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;')
  })

  test('admits no script or style but its own', () => {
    const policy = pageHeaders['content-security-policy']
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|\*/)
  })
})
