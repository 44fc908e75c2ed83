import { defineConfig } from 'tsup'
import { build } from '../../tsup.base.ts'

export default defineConfig({
  ...build,
  entry: {
    index: 'src/index.ts',
    'session/index': 'src/session/index.ts',
    'providers/index': 'src/providers/index.ts',
  },
})
