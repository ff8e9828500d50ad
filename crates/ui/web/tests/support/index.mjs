// What test files import.
export { DEVICES, THEMES } from './browser.mjs';
export * from './night.mjs';
export { eventually, soon } from './patience.mjs';
export { scenario } from './scenario.mjs';
export { Server } from './server.mjs';
