import { defineConfig } from 'tsup'
import { build } from '../../tsup.base.ts'

export default defineConfig({
  ...build,
  entry: {
    index: 'src/index.ts',
    'aws-kms/index': 'src/aws-kms/index.ts',
    'version1/index': 'src/version1/index.ts',
  },
})
