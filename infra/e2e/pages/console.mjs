// The pages of the console in a browser, with a record of what a good page never does.

import axe from 'axe-core';

/** The rules of WCAG 2.0 to 2.2, levels A and AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/**
 * Opens a page in a profile of its own. `wrong` has each error and each request to another origin,
 * and `requests` has each request.
 */
export async function open(browser, origin, path, options = {}) {
  const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 800 }, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const page = await context.newPage();
  const wrong = [];
  const requests = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    // The browser writes a line for every answer of 400 and above, which are a part of the walk.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !isAnswer) wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (request.url().startsWith('data:')) return;
    requests.push(request);
    if (!request.url().startsWith(origin)) wrong.push(`asks ${request.url()}`);
  });
  await page.goto(origin + path, { waitUntil: 'networkidle' });
  return { page, wrong, requests };
}

/** What axe finds wrong with a page, or with a part of it. */
export async function violations(page, part = 'html') {
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axe.source);
  const found = await page.evaluate(([within, rules]) => globalThis.axe.run(within, { runOnly: rules, resultTypes: ['violations'] }), [part, RULES]);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(' ')}`);
}

/** How far the page is wider than its window, in pixels. */
export const beyond = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/**
 * What the browser measured of a load: how much moved (CLS), the elements that did, and the time
 * until the largest text or picture was there (LCP), in milliseconds.
 */
export function measured(page) {
  return page.evaluate(() => {
    const entries = (type) => new Promise((done) => {
      new PerformanceObserver((list) => done(list.getEntries())).observe({ type, buffered: true });
      setTimeout(() => done([]), 100);
    });
    return Promise.all([entries('layout-shift'), entries('largest-contentful-paint')]).then(([shifts, paints]) => ({
      moved: shifts.flatMap(({ value, sources }) => sources.map(({ node }) => `${value} ${node?.nodeName} ${node?.className ?? ''}`)),
      paintedAfter: Math.round(paints.at(-1)?.startTime ?? 0),
    }));
  });
}
