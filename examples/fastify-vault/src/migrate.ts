import { database } from './config/database.ts'
import { services } from './config/environment.ts'
import { createTenants } from './tenants.ts'

// Makes the tables that the app uses, or brings them up to date: once after each deployment, before the app starts.
await database.migrate()
await createTenants()
console.log('The database is up to date')
await database.close()
await services.close()
