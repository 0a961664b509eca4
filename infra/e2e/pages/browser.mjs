// Debian's Chromium, with a record of everything that a page does.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import axe from 'axe-core';
import { chromium } from 'playwright-core';

import { HUNG_MS } from '../support.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** The folder for pictures of every page, if somebody wants to look at them. */
const pictures = process.env.PICTURES;
const THEMES = ['light', 'dark'];
/** The narrowest screen of a phone (WCAG 2.2, criterion 1.4.10), and a laptop, in pixels. */
const WIDTHS = [320, 1280];
const HEIGHT = 720;

export async function launch(args = []) {
  return chromium.launch({ executablePath, args });
}

/**
 * A page in a profile of its own. `requests` has each request, `refused` each breach of the page's
 * policy, and `said` each line of the console.
 */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en', viewport: { width: WIDTHS[0], height: HEIGHT }, ...options });
  context.setDefaultTimeout(HUNG_MS);
  const page = await context.newPage();
  const seen = { page, context, requests: [], refused: [], said: [] };
  page.on('request', (request) => seen.requests.push({
    method: request.method(), url: request.url(), headers: request.headers(), body: request.postData() ?? '',
  }));
  page.on('console', (message) => seen.said.push(message.text()));
  page.on('pageerror', (error) => seen.said.push(String(error)));
  await context.exposeBinding('refused', (_, breach) => { seen.refused.push(breach); });
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      window.refused(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return seen;
}

/** Waits until the page shows this heading. */
export async function shows(page, heading) {
  await page.locator('h1:visible', { hasText: heading }).waitFor();
}

/**
 * Fails unless the page, as it stands, keeps to the rules of accessibility and fits the screen, in
 * each theme and width.
 */
export async function looksGood(page, name) {
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      const where = `${name}, ${theme}, ${width} px`;
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height: HEIGHT });
      const { violations, passes } = await page.evaluate(`${axe.source}; axe.run()`);
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.failureSummary).join(' ')}`);
      assert.deepEqual(found, [], where);
      assert.ok(passes.length > 10, `${where}: only ${passes.length} rules applied`);
      const beyond = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      assert.ok(beyond <= 0, `${where}: ${beyond} px are beyond the edge`);
      await picture(page, `${name}-${theme}-${width}`);
    }
  }
}

/** Takes a picture of the whole page, if somebody asked for pictures by PICTURES. */
export async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}
