import { prepareEnvironment } from '@waxseal-examples/support'

/** Whoever reads `process.env` imports this module first: `.env` is read, local stand-ins are started. */
export const services = await prepareEnvironment(new URL('../../', import.meta.url), ['DATABASE_URL'])
