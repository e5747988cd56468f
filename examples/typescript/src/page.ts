/* What index.html runs: each step becomes an item of its list. */

import { run } from "./feed.js";

const server = new URLSearchParams(location.search).get("server") ?? "http://127.0.0.1:8080";
const steps = document.querySelector("ol")!;
const outcome = document.querySelector("p")!;

function say(line: string): void {
  const item = document.createElement("li");
  item.textContent = line;
  steps.append(item);
}

try {
  await run(server, say);
  outcome.textContent = "All is as it should be.";
} catch (error) {
  outcome.textContent = String(error);
}
