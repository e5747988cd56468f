// Fills in where this server is, lets people copy the commands, and shows how the server is.
"use strict";

const HEALTH_EVERY_MS = 10_000;
const PATIENCE_MS = 5_000;
const COPIED_MS = 2_000;

const places = {
  url: location.origin,
  // grpcurl expects TLS unless it is told otherwise, and always a port.
  target:
    location.protocol === "https:"
      ? `${location.hostname}:${location.port || 443}`
      : `-plaintext ${location.hostname}:${location.port || 80}`,
};

for (const blank of document.querySelectorAll("[data-fill]")) {
  blank.textContent = places[blank.dataset.fill];
}

// Browsers offer the clipboard to pages over HTTPS and on this machine only.
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
    button.textContent = "Not allowed";
  }
  setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
}

async function isWell() {
  try {
    const reply = await fetch("health", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    return reply.ok && (await reply.json()).status === "ok";
  } catch {
    return false;
  }
}

async function showHealth() {
  if (document.hidden) return;
  const badge = document.getElementById("health");
  const well = await isWell();
  const text = well ? "Up and well" : "Not answering right now";
  badge.dataset.state = well ? "well" : "away";
  // Only what is new is read out.
  if (badge.textContent !== text) badge.textContent = text;
}

showHealth();
setInterval(showHealth, HEALTH_EVERY_MS);
document.addEventListener("visibilitychange", showHealth);
