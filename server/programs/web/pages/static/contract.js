// The OpenAPI document for the pages that show it.
"use strict";

// Each call once: those that are only another address of a call (`x-alias-of`) are left out.
async function contract() {
  const reply = await fetch("openapi.json");
  if (!reply.ok) throw new Error(`openapi.json: ${reply.status}`);
  const document = await reply.json();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (operation["x-alias-of"]) delete item[method];
    }
    if (item["x-alias-of"] || Object.keys(item).length === 0) delete document.paths[path];
  }
  return document;
}

// Calls `show` with the document; says so in the page if there is none.
async function showContract(show) {
  const place = document.getElementById("contract");
  try {
    show(await contract(), place);
  } catch (error) {
    place.textContent = "The description of the API cannot be loaded right now. Try again.";
    place.setAttribute("role", "alert");
    throw error;
  }
}
