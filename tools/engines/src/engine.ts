import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { javaMajorVersion } from './java.ts'

export type EngineName = 'dynalite' | 'dynamodb-local'

/** A running engine. */
export interface Engine {
  readonly name: EngineName
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string
  /** What a `DynamoDBClient` needs to talk to it. */
  readonly config: DynamoDBClientConfig
  stop(): Promise<void>
}

/** Client options for an engine that runs at `endpoint`; engines check no signature, so the credentials are dummies. */
export function clientConfig(endpoint: string): DynamoDBClientConfig {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    // The SDK's own decoder is several times slower on binary attributes.
    base64Decoder: (text) => Buffer.from(text, 'base64'),
  }
}

/** The engines that this machine can run. DynamoDB Local needs Java 17 or newer. */
export async function availableEngines(): Promise<EngineName[]> {
  return (await javaMajorVersion()) >= 17 ? ['dynalite', 'dynamodb-local'] : ['dynalite']
}
