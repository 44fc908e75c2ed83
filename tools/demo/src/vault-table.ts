import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createEnvelope, type Keyring, localKeyring, passphraseKeyring } from '@waxseal/core'
import { createTokenVault, type TokenVaultTable, tokenVault } from '@waxseal/drizzle'
import { type AppName, openLocalPostgres, type Secrets } from '@waxseal-examples/support/testing'
import { tokenVault as tenantVault } from 'fastify-vault/schema'

/** In bytes, of Postgres's files; most are empty. */
const PAGE = 8192

/** What an app that no longer runs has left behind. */
export interface VaultFindings {
  /** By `account type`, opened with the app's key. */
  readonly tokens: Secrets
  /** What stands in the column of sealed values, by account. */
  readonly sealed: ReadonlyMap<string, Uint8Array | null>
  /** Every file of the database. */
  readonly everyByte: Buffer
}

/** Looks at the database of a stopped app twice: without the key, as a thief would, and with it. */
export async function inspectVault(name: AppName, data: string): Promise<VaultFindings> {
  const everyByte = await readFiles(join(data, 'postgres'))
  const { table, keyring, app } = await keysOf(name, data)
  const envelope = createEnvelope({ keyring, encryptionContext: { app } })
  const { db, close } = await openLocalPostgres(data)
  const providers = { google: {}, voicenter: {} }
  const vault = createTokenVault({ db, table, envelope, providers })
  try {
    const rows = await db.select({ account: table.account, value: table.encryptedValue }).from(table)
    const { grants } = await vault.listGrants()
    const open = await Promise.all(grants.map((grant) => vault.getGrant(grant)))
    const tokens = open.flatMap((grant) =>
      Object.entries(grant?.tokens ?? {}).map(([type, token]) => [`${grant?.account} ${type}`, token.value]),
    )
    return {
      tokens: Object.fromEntries(tokens),
      sealed: new Map(rows.map(({ account, value }) => [String(account), value as Uint8Array | null])),
      everyByte,
    }
  } finally {
    await vault.dispose()
    await envelope.dispose()
    await close()
  }
}

/** What the app itself seals with, from where it keeps what it was not given. */
async function keysOf(name: AppName, data: string): Promise<{ table: TokenVaultTable; keyring: Keyring; app: string }> {
  const kept = async (file: string) => (await readFile(join(data, file), 'utf8')).trim()
  if (name !== 'fastify-vault') {
    return { table: tokenVault, keyring: localKeyring(await kept('waxseal-keys')), app: 'waxseal-example' }
  }
  const keyring = passphraseKeyring({ passphrase: await kept('encryption-secret'), kid: 'fastify-vault-1' })
  return { table: tenantVault, keyring, app: 'fastify-vault' }
}

async function readFiles(directory: string): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name)))
  return Buffer.concat((await Promise.all(files)).flatMap(writtenPages))
}

function writtenPages(file: Buffer): Buffer[] {
  const starts = Array.from({ length: Math.ceil(file.length / PAGE) }, (_, page) => page * PAGE)
  return starts.map((start) => file.subarray(start, start + PAGE)).filter((page) => page.some((byte) => byte !== 0))
}
