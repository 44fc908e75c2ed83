import assert from 'node:assert/strict'
import { type AppProcess, launchChromium } from '@waxseal-examples/support/testing'
import type { Report } from './report.ts'

const EMAIL = 'grace.hopper@example.com'
const ACCOUNT = 'yard@example.com'

/** The same in headless Chromium: sign in, connect, let calls fail, kill the server, look again, revoke. */
export async function vaultBrowserWalk(app: AppProcess, report: Report): Promise<void> {
  const check = report.check.bind(report)
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
    const complaints: string[] = []
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
    page.on('pageerror', (error) => void complaints.push(error.message))
    const grant = page.locator('.grants li', { hasText: 'yard@' })

    await check('browser: signs in, connects an account, fits on a phone', async () => {
      await page.goto(app.url)
      await page.click('a.primary')
      await page.fill('#email', EMAIL)
      await page.click('button.primary')
      await page.click('text=Connect another account')
      await page.fill('#email', ACCOUNT)
      await page.click('button.primary')
      await grant.waitFor()
      assert.match((await grant.locator('[data-until]').textContent()) ?? '', /^00:0[0-2]:\d\d$/)
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'wider than the screen')
      assert.deepEqual(complaints, [])
      return undefined
    })
    await check('browser: lets 50 calls fail, sees one refresh, has to wait for the next', async () => {
      await grant.locator('text=Let 50 calls fail').click()
      await page.waitForSelector('.notice:has-text("the provider was asked once, 50 succeeded")')
      assert.equal(await grant.getAttribute('data-version'), '2')
      assert.ok(await grant.locator('button:has-text("Let 50 calls fail")').isDisabled())
      return undefined
    })
    await check('browser: kill -9, start: the open page finds the server, same grant', async () => {
      await page.waitForSelector('#live[data-state=running]')
      await app.kill()
      await page.waitForSelector('#live[data-state=stopped]')
      await app.start()
      await page.waitForSelector('#live[data-state=restarted]')
      await page.reload()
      assert.equal(await grant.getAttribute('data-version'), '2')
      // While the server was away, the page had reason to complain.
      complaints.length = 0
      return undefined
    })
    await check('browser: revokes it, switches tenants, signs out', async () => {
      await grant.locator('text=Revoke').click()
      await grant.locator('.status[data-status=REVOKED]').waitFor()
      await page.click('.tabs button:not([aria-current])')
      await grant.waitFor({ state: 'detached' })
      await page.click('text=Sign out')
      await page.waitForSelector('a.primary')
      assert.deepEqual(complaints, [])
      return undefined
    })
  } finally {
    await browser.close()
  }
}
