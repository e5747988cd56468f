/* `npm run watch -- http://127.0.0.1:8080 USER_ID FOLLOW_SECRET [copy.json]`: watch.ts in Node. */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { watch } from "./watch.js";

const [, , server = "", userId = "", followSecret = "", path = "copy.json"] = process.argv;

const file = {
  load: () => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined),
  save(copy: object): void {
    // A rename replaces the file at once, so that it is never half written.
    writeFileSync(`${path}.new`, JSON.stringify(copy));
    renameSync(`${path}.new`, path);
  },
};

try {
  console.log(`ended: ${await watch(server, [{ userId, followSecret }], file, console.log)}`);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
