/*
 * watch.ts in Node:
 * `npm run watch -- http://127.0.0.1:8080 copy.json USER_ID FOLLOW_SECRET [USER_ID FOLLOW_SECRET …]`
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Content, type Followed, watch } from "./watch.js";

const [, , server = "", path = "", ...users] = process.argv;
const followed: Followed[] = [];
while (users.length > 0) {
  const [userId = "", followSecret = ""] = users.splice(0, 2);
  followed.push({ userId, followSecret });
}

const file = {
  load: () => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined),
  save(content: Content): void {
    // A rename replaces the file at once, so that it is never half written.
    writeFileSync(`${path}.new`, JSON.stringify(content));
    renameSync(`${path}.new`, path);
  },
};

try {
  console.log(`ended: ${await watch(server, followed, file, console.log)}`);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
