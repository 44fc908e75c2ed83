export { type AwsKmsKeyringOptions, awsKmsKeyring, type KmsKeyInRegion } from './aws-kms-keyring.ts'
export type { KmsClientLike } from './kms-connection.ts'
