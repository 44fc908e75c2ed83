import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppProcess, freePort, launchChromium } from '../src/testing/index.ts'

const EMAIL = 'grace.hopper@example.com'

describe.each(['express-dynamodb', 'fastify-dynamodb'] as const)('%s in a browser', (name) => {
  let app: AppProcess
  let browser: Browser
  let data: string

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'waxseal-browser-'))
    app = new AppProcess({ name, port: await freePort(), env: { DATA_DIR: data }, fromSource: true })
    await app.start()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await app.stop()
    await rm(data, { recursive: true })
  })

  async function signedIn(width: number, complaints: string[] = []): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 800 } })
    const page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url())
      if (protocol !== 'data:' && !['localhost', '127.0.0.1'].includes(hostname)) complaints.push(request.url())
    })
    await page.goto(app.url)
    await page.click('a.primary')
    await page.fill('#email', EMAIL)
    await page.click('button.primary')
    await page.waitForSelector('.fields')
    return page
  }

  test.each([390, 1280])('at %i pixels: signs in, shows the record, fits, asks nobody else', async (width) => {
    const complaints: string[] = []
    const page = await signedIn(width, complaints)
    expect(await page.textContent('h1')).toBe(EMAIL)
    expect(await page.locator('.field .name').allTextContents()).toContain('ciphertext encryptedData')
    expect(await page.textContent('[data-until]')).toMatch(/^6 days 23:59:\d\d$/)
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.click('summary')
    expect((await page.textContent('.bytes'))?.trim()).toMatch(/^ec 02 01/)
    expect(complaints).toEqual([])
    await page.context().close()
  })

  test('is still signed in after kill -9 and a restart, and says so by itself', async () => {
    const page = await signedIn(1280)
    await page.waitForSelector('#live[data-state=running]')
    await app.kill()
    await page.waitForSelector('#live[data-state=stopped]')
    await app.start()
    await page.waitForSelector('#live[data-state=restarted]')
    await page.reload()
    expect(await page.textContent('h1')).toBe(EMAIL)
    await page.context().close()
  })

  test('a note changes the record, signing out ends it', async () => {
    const page = await signedIn(1280)
    const revision = () => page.locator('dt:text-is("revision") + dd code').textContent()
    const before = Number(await revision())
    await page.fill('input[name=note]', '<b>a note</b>')
    await page.click('text=Save')
    await page.waitForSelector('dd:has-text("<b>a note</b>")')
    expect(Number(await revision())).toBe(before + 1)

    const cookies = await page.context().cookies()
    await page.click('text=Sign out')
    await page.waitForSelector('a.primary')
    await page.context().addCookies(cookies)
    expect((await page.goto(`${app.url}/protected`))?.status()).toBe(401)
    await page.context().close()
  })
})
