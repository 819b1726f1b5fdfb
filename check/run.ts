/** `tsx check/run.ts URL`: the command alone. */
import { check } from './main.ts';

process.exitCode = await check(process.argv.slice(2));
