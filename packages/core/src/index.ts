export { type Clock, systemClock } from './clock.ts'
export type { RecordContext } from './context.ts'
export { channelNames, type KeyringEvent, type RecordEvent, type WaxsealEvent } from './diagnostics.ts'
export { createEnvelope, type Envelope, type EnvelopeOptions } from './envelope.ts'
export { WaxsealError, type WaxsealErrorCode, type WaxsealErrorOptions, WaxsealTypeError } from './errors.ts'
export { inspectRecord, type RecordInfo, recordKeyIds, type WrappedKeyInfo } from './inspect.ts'
export type {
  EncryptionContext,
  GeneratedDataKey,
  Keyring,
  UnwrappedDataKey,
  Version1DataKeys,
  WrappedKey,
} from './keyring.ts'
export { generateKey, localKeyring } from './local-keyring.ts'
export { type Logger, logTo } from './log-to.ts'
export { multiKeyring } from './multi-keyring.ts'
export { type PassphraseKeyringOptions, passphraseKeyring } from './passphrase-keyring.ts'
export type { ContentName, RecordPart } from './record.ts'
export type { Sealer } from './sealer.ts'
export type { EnvelopeStats } from './stats.ts'
export { recordFromText, recordToText } from './text-form.ts'
