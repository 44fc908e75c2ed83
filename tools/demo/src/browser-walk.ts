import assert from 'node:assert/strict'
import { type AppProcess, launchChromium } from '@waxseal-examples/support/testing'
import type { Report } from './report.ts'

const EMAIL = 'grace.hopper@example.com'

/** The same in headless Chromium: sign in, look, kill the server, look again, sign out. */
export async function browserWalk(app: AppProcess, report: Report): Promise<void> {
  const check = report.check.bind(report)
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
    const complaints: string[] = []
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
    page.on('pageerror', (error) => void complaints.push(error.message))

    await check('browser: signs in, sees both sides, fits on a phone', async () => {
      await page.goto(app.url)
      await page.click('a.primary')
      await page.fill('#email', EMAIL)
      await page.click('button.primary')
      await page.waitForSelector('.fields')
      assert.equal(await page.textContent('h1'), EMAIL)
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'wider than the screen')
      assert.deepEqual(complaints, [])
      return undefined
    })
    await check('browser: kill -9, start: the open page finds the server, still signed in', async () => {
      await page.waitForSelector('#live[data-state=running]')
      await app.kill()
      await page.waitForSelector('#live[data-state=stopped]')
      await app.start()
      await page.waitForSelector('#live[data-state=restarted]')
      await page.reload()
      assert.equal(await page.textContent('h1'), EMAIL)
      return undefined
    })
    await check('browser: sees a second browser, and signs it out', async () => {
      const context = await browser.newContext()
      const second = await context.newPage()
      await second.goto(app.url)
      await second.click('a.primary')
      await second.fill('#email', EMAIL)
      await second.click('button.primary')
      await second.waitForSelector('.fields')
      await page.reload()
      assert.equal(await page.locator('.devices li').count(), 2)
      await page.click('text=Sign out everywhere else')
      await page.waitForFunction('document.querySelectorAll(".devices li").length === 1')
      await second.reload()
      assert.equal(await second.locator('a.primary').count(), 1)
      await context.close()
      return undefined
    })
    await check('browser: signs out, the old cookie is dead', async () => {
      const cookies = await page.context().cookies()
      await page.click('text=Sign out')
      await page.waitForSelector('a.primary')
      await page.context().addCookies(cookies)
      assert.equal((await page.goto(`${app.url}/protected`))?.status(), 401)
      return undefined
    })
  } finally {
    await browser.close()
  }
}
