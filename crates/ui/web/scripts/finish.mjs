// The last step of a build: every text file gets compressed forms beside it, and `stamp` says from which
// sources all of it was made, so that the program's own build can tell whether it is fresh.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const out = process.env.FANFARE_UI_OUT ?? join(web, '../dist');
/** At the top of the folder, and without a say in what is built. */
const OTHERS = ['node_modules', 'tests'];
const TEXT = /\.(html|js|css|svg|json|txt|webmanifest)$/;

function filesBelow(folder, prefix = '') {
  return readdirSync(folder).flatMap((name) => {
    const path = prefix + name;
    if (OTHERS.includes(path)) return [];
    const full = join(folder, name);
    return lstatSync(full).isDirectory() ? filesBelow(full, `${path}/`) : [path];
  });
}

/** SHA-256 over path, NUL, length as eight bytes big-endian, and content of each source, ordered by path. */
function stampOf(folder) {
  const hash = createHash('sha256');
  const paths = filesBelow(folder).map((path) => Buffer.from(path));
  for (const path of paths.sort(Buffer.compare)) {
    const content = readFileSync(join(folder, path.toString()));
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(content.length));
    hash.update(path).update('\0').update(length).update(content);
  }
  return hash.digest('hex');
}

for (const path of filesBelow(out).filter((path) => TEXT.test(path))) {
  const content = readFileSync(join(out, path));
  writeFileSync(join(out, `${path}.gz`), gzipSync(content, { level: 9 }));
  writeFileSync(
    join(out, `${path}.br`),
    brotliCompressSync(content, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
  );
}

writeFileSync(join(out, 'stamp'), stampOf(web));
