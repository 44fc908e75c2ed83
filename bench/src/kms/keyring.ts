import { KMSClient } from '@aws-sdk/client-kms'
import type { Keyring } from '@waxseal/core'
import { awsKmsKeyring } from '@waxseal/core/aws-kms'

/** The real keyring over the real SDK, at a KMS of this machine. */
export function keyringAt(endpoint: string, keyId: string): Keyring {
  const credentials = { accessKeyId: 'fake', secretAccessKey: 'fake' }
  return awsKmsKeyring({ client: new KMSClient({ endpoint, region: 'eu-west-1', credentials }), keyId })
}
