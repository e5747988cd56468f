// Fills in the address of this server, adds copy buttons and shows the server's health.
"use strict";

const HEALTH_INTERVAL_MS = 10_000;
const HEALTH_TIMEOUT_MS = 5_000;
const COPIED_MS = 2_000;

const values = {
  url: location.origin,
  // grpcurl uses TLS by default and always needs a port.
  target:
    location.protocol === "https:"
      ? `${location.hostname}:${location.port || 443}`
      : `-plaintext ${location.hostname}:${location.port || 80}`,
};

for (const placeholder of document.querySelectorAll("[data-fill]")) {
  placeholder.textContent = values[placeholder.dataset.fill];
}

// Browsers offer the clipboard only over HTTPS and on localhost.
if (navigator.clipboard) {
  document.querySelectorAll(".commands pre").forEach(addCopyButton);
}

function addCopyButton(command) {
  const button = document.createElement("button");
  const line = document.createElement("div");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-describedby", command.getAttribute("aria-labelledby"));
  button.addEventListener("click", () => copy(command.textContent, button));
  line.className = "line";
  command.replaceWith(line);
  line.append(command, button);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not permitted";
  }
  setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
}

async function isHealthy() {
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const response = await fetch("health", { cache: "no-store", signal });
    return response.ok && (await response.json()).status === "ok";
  } catch {
    return false;
  }
}

async function showHealth() {
  if (document.hidden) return;
  const badge = document.getElementById("health");
  const healthy = await isHealthy();
  const text = healthy ? "Up and healthy" : "Not responding";
  badge.dataset.state = healthy ? "healthy" : "down";
  // Screen readers announce each change of the text.
  if (badge.textContent !== text) badge.textContent = text;
}

showHealth();
setInterval(showHealth, HEALTH_INTERVAL_MS);
document.addEventListener("visibilitychange", showHealth);
