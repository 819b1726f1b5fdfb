/** What is said in the end: a line for each check, and how many passed. */

const counts = { passed: 0, failed: 0 };

/** Prints whether `what` holds. `find` throws when it does not, and may return a text to go with it. */
export async function check(what: string, find: () => unknown): Promise<void> {
  try {
    const found = await find();
    counts.passed++;
    console.log(`ok      ${what}${typeof found === 'string' ? `: ${found}` : ''}`);
  } catch (error) {
    counts.failed++;
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`FAILED  ${what}: ${reason.replaceAll('\n', '\n        ')}`);
  }
}

/** Prints the sum. Returns the process's exit code. */
export function sumUp(): number {
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed > 0 ? 1 : 0;
}
