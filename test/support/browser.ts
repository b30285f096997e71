import { accessSync, constants } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Where Linux distributions, macOS and Google's own packages put it. */
const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** No sandbox, because tests also run as root; and nothing that asks hosts elsewhere. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const MISSING =
  'The browser suites need Chromium or Google Chrome: install one (Debian package: chromium), or say in CHROMIUM_PATH where it is';

/** The browser on this machine, if there is one; CHROMIUM_PATH goes before the usual places. */
export function findChromium(): string | undefined {
  const places = process.env.CHROMIUM_PATH ? [process.env.CHROMIUM_PATH] : USUAL_PLACES;
  return places.find(isExecutable);
}

/** @throws Error that says what to install when there is no browser */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(MISSING);
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** A `describe` for suites with a browser: skipped, loudly, on a machine without one; failing where CI=true. */
export function describeInBrowser(name: string, suite: () => void): void {
  if (findChromium() !== undefined) {
    describe(name, suite);
  } else if (process.env.CI === 'true') {
    test(name, () => {
      throw new Error(MISSING);
    });
  } else {
    process.stderr.write(`\n  !! SKIPPED: ${MISSING} !!\n\n`);
    describe.skip(name, suite);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
