export * from './vault/index.ts'
