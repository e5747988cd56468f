/* Script of index.html: each step becomes an item of its list. */

import { run } from "./feed.js";

const server = new URLSearchParams(location.search).get("server") ?? "http://127.0.0.1:8080";
const steps = document.querySelector("ol")!;
const outcome = document.querySelector("p")!;

function print(line: string): void {
  const item = document.createElement("li");
  item.textContent = line;
  steps.append(item);
}

try {
  await run(server, print);
  outcome.textContent = "All steps succeeded.";
} catch (error) {
  outcome.textContent = String(error);
}
