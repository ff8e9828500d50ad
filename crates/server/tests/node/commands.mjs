// What the scripts that are driven by a test have in common: commands come in as JSON lines on standard
// input, reports go out as JSON lines on standard output, and the script ends with its input.
import { createInterface } from 'node:readline';

export function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// `verbs`: what each command does, by the name that stands in its `do`.
export async function obey(verbs) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: verb, ...rest } = JSON.parse(line);
    if (!Object.hasOwn(verbs, verb)) throw new Error(`no such command: ${verb}`);
    await verbs[verb](rest);
  }
  process.exit(0);
}
