import { defineConfig } from 'tsup'
import { build } from '../../tsup.base.ts'

export default defineConfig({ ...build, entry: { index: 'src/index.ts', 'kms/index': 'src/kms/index.ts' } })
