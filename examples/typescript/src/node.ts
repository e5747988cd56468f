/* `npm start [-- http://127.0.0.1:8080]`: the module of the page, run in Node. */

import { run } from "./feed.js";

try {
  await run(process.argv[2] ?? "http://127.0.0.1:8080", console.log);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
