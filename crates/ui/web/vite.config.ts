import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const out = process.env.FANFARE_UI_OUT ?? '../dist';
const server = process.env.FANFARE_URL ?? 'http://127.0.0.1:5000';

const BASE = new RegExp(
  [
    'node_modules/(svelte|esm-env|clsx)/',
    'src/(api|lib|live)/',
    'src/ui/(icons|Icon|Button|IconButton|Card|Badge|ErrorNote|EmptyState|Skeleton|GameLine|Dialog|Field|TextInput|ConnectionBadge|Toast|toast)[./]',
  ].join('|'),
);

// The server answers /overlay with overlay.html; so do the development servers.
const overlay: Plugin = {
  name: 'overlay-page',
  configureServer: ({ middlewares }) => void middlewares.use(rewrite),
  configurePreviewServer: ({ middlewares }) => void middlewares.use(rewrite),
};

function rewrite(req: { url?: string }, _res: unknown, next: () => void) {
  req.url = req.url?.replace(/^\/overlay(?=\?|$)/, '/overlay.html');
  next();
}

const proxy = {
  '^/(api|apps|app|ws|pusher|broadcasting|health|readyz|stats|metrics|docs|openapi\\.json|asyncapi\\.json)(/|\\?|$)': {
    target: server,
    ws: true,
  },
};

export default defineConfig({
  plugins: [svelte(), overlay],
  server: { proxy },
  preview: { proxy },
  build: {
    outDir: out,
    emptyOutDir: true,
    // Browsers of televisions and of streaming programs are years behind.
    target: ['chrome94', 'firefox93', 'safari15'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', overlay: 'overlay.html' },
      output: {
        // What every page needs, in one file rather than in many small ones.
        codeSplitting: { groups: [{ name: 'base', test: BASE }] },
      },
    },
  },
});
