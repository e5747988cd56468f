/* Script of watch.html: the copy is kept in the storage of the page, and shown as a list. */

import { type Content, watch } from "./watch.js";

const parameters = new URLSearchParams(location.search);
const server = parameters.get("server") ?? "http://127.0.0.1:8080";
const userId = parameters.get("user") ?? "";
const followSecret = parameters.get("secret") ?? "";
const key = `${server} ${userId}`;
const [status, list] = [document.querySelector("p")!, document.querySelector("ul")!];

function show(content: Content): void {
  const ids = Object.keys(content.events[userId] ?? {});
  list.replaceChildren(
    ...ids.map((id) => {
      const item = document.createElement("li");
      item.textContent = id;
      return item;
    }),
  );
}

const storage = {
  load(): Content | undefined {
    const stored = localStorage.getItem(key);
    if (stored === null) return undefined;
    const content: Content = JSON.parse(stored);
    show(content);
    return content;
  },
  save(content: Content): void {
    localStorage.setItem(key, JSON.stringify(content));
    show(content);
  },
};

function print(line: string): void {
  status.textContent = line;
  console.log(line);
}

try {
  print(`ended: ${await watch(server, [{ userId, followSecret }], storage, print)}`);
} catch (error) {
  print(String(error));
}
