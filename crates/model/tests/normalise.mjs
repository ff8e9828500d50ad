// Reads texts, a JSON string a line, and writes a line for each: what `JSON.stringify(JSON.parse(text))`
// gives, as a JSON string, or `null` where JSON.parse throws.
import { createInterface } from 'node:readline';

for await (const line of createInterface({ input: process.stdin })) {
  let normal = null;
  try {
    normal = JSON.stringify(JSON.parse(JSON.parse(line)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  console.log(JSON.stringify(normal));
}
