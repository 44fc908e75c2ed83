import { execFileSync } from 'node:child_process'
import { createSecretKey } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { encodeContext } from '../src/context.ts'
import {
  createEnvelope,
  inspectRecord,
  localKeyring,
  multiKeyring,
  type PassphraseKeyringOptions,
  passphraseKeyring,
  recordFromText,
  recordToText,
} from '../src/index.ts'
import { type ContentName, encodeHeader } from '../src/record.ts'
import { sealRecord } from '../src/seal-record.ts'
import { frozenRecord } from '../src/self-test.ts'
import { codeOf } from './support/codes.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

interface Vector {
  readonly scenario: string
  readonly rootKeys: readonly string[]
  readonly passphrase?: Omit<PassphraseKeyringOptions, 'salt'> & { readonly salt?: string }
  readonly encryptionContext: Record<string, string>
  readonly recordContext: Record<string, string>
}

interface OpenVector extends Vector {
  readonly dataKey: string
  readonly salt: string
  readonly content: ContentName
  readonly plaintext: string
  readonly record: string
}

interface RefuseVector extends Vector {
  readonly record?: string
  readonly text?: string
  readonly error: string
}

function load<Kind extends Vector>(kind: 'open' | 'refuse'): [string, Kind][] {
  const folder = join(root, 'vectors', kind)
  return readdirSync(folder).map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Kind])
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

function envelopeOf({ rootKeys, passphrase, encryptionContext }: Vector) {
  const keyrings = []
  if (rootKeys.length > 0) {
    const keys = rootKeys.map((key, index) => `key-${index}:${bytes(key).toString('base64url')}`)
    keyrings.push(localKeyring(keys.join(',')))
  }
  if (passphrase !== undefined) {
    const { salt, ...options } = passphrase
    keyrings.push(passphraseKeyring({ ...options, ...(salt !== undefined && { salt: bytes(salt) }) }))
  }
  return createEnvelope({ keyring: multiKeyring(keyrings), encryptionContext })
}

describe('frozen records that open', () => {
  it.each(load<OpenVector>('open'))('%s', async (_, vector) => {
    const envelope = envelopeOf(vector)
    const record = new Uint8Array(bytes(vector.record))
    const opened = await envelope.open(record, vector.recordContext)
    expect(Buffer.from(opened).toString('hex')).toBe(vector.plaintext)
    const info = inspectRecord(record)
    expect(info.content).toBe(vector.content)
    expect(info.plaintextBytes).toBe(opened.length)
    expect(recordFromText(recordToText(record))).toEqual(record)
    const sealKey = { key: createSecretKey(bytes(vector.dataKey)), header: encodeHeader(info.wrappedKeys) }
    const again = sealRecord(sealKey, vector.content, encodeContext(vector.recordContext), opened, bytes(vector.salt))
    expect(again).toEqual(record)
  })
})

describe('frozen records that are refused', () => {
  it.each(load<RefuseVector>('refuse'))('%s', async (_, vector) => {
    const record = vector.text ?? bytes(vector.record ?? '')
    expect(await codeOf(() => envelopeOf(vector).open(record, vector.recordContext))).toBe(vector.error)
  })
})

describe('the check that vectors only grow', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waxseal-vectors-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
  const vector = join(folder, 'vectors/open/text.json')
  const check = (): number => {
    try {
      execFileSync(process.execPath, [join(root, 'tools/vectors/append-only.mjs'), folder], { stdio: 'pipe' })
      return 0
    } catch (error) {
      return (error as { status: number }).status
    }
  }

  it('passes what was added, fails what was changed or deleted, committed or not', () => {
    git('init', '--quiet')
    cpSync(join(root, 'vectors'), join(folder, 'vectors'), { recursive: true })
    git('add', '.')
    git('commit', '--quiet', '--message', 'add')
    const original = readFileSync(vector, 'utf8')
    writeFileSync(join(folder, 'vectors/open/new.json'), '{}')
    expect(check()).toBe(0)
    rmSync(join(folder, 'vectors/version1/open/text-token.json'))
    expect(check()).toBe(1)
    git('restore', 'vectors/version1')
    writeFileSync(vector, `${original} `)
    expect(check()).toBe(1)
    git('add', '.')
    git('commit', '--quiet', '--message', 'change')
    expect(check()).toBe(1)
    writeFileSync(vector, original)
    expect(check()).toBe(0)
    rmSync(vector)
    git('add', '.')
    git('commit', '--quiet', '--message', 'delete')
    expect(check()).toBe(1)
  })
})

describe('the self-test at start', () => {
  it('opens one of the frozen records', () => {
    const vector = JSON.parse(readFileSync(join(root, 'vectors/open/text.json'), 'utf8')) as OpenVector
    expect(vector).toMatchObject(frozenRecord)
  })

  it('stops the start when a primitive is refused', async () => {
    vi.resetModules()
    vi.doMock('node:crypto', async (original) => ({
      ...(await original<typeof import('node:crypto')>()),
      createHmac: () => {
        throw new Error('disabled for FIPS')
      },
    }))
    const { selfTest } = await import('../src/self-test.ts')
    expect(await codeOf(selfTest)).toBe('ERR_WAXSEAL_CONFIG')
    vi.doUnmock('node:crypto')
  })
})
