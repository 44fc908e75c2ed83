import { defineConfig } from 'tsup'
import { build } from '../../tsup.base.ts'

export default defineConfig({ ...build, entry: { 'session/index': 'src/session/index.ts' } })
