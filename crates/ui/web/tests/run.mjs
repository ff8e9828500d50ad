// Runs the browser tests, all of them or those in the files whose names contain an argument, with one browser:
// `npm run test:browser -- tonight`.
import { readdir } from 'node:fs/promises';
import { after } from 'node:test';
import { closeBrowser } from './support/browser.mjs';

const wanted = process.argv.slice(2);
const files = (await readdir(new URL('.', import.meta.url))).filter((name) => name.endsWith('.test.mjs')).sort();
const chosen = files.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (chosen.length === 0) throw new Error(`no test file is called ${wanted.join(' or ')}; there are ${files.join(', ')}`);

// Servers are ended with the process, however that ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
after(closeBrowser);
for (const name of chosen) await import(new URL(name, import.meta.url));
