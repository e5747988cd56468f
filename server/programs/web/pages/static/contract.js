// Loads the OpenAPI document for Swagger UI and ReDoc.
"use strict";

// Returns the document with each operation once, without its aliases (`x-alias-of`).
async function loadContract() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`openapi.json: ${response.status}`);
  const document = await response.json();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (operation["x-alias-of"]) delete item[method];
    }
    if (item["x-alias-of"] || Object.keys(item).length === 0) delete document.paths[path];
  }
  return document;
}

// Calls `show` with the document and an element, or shows an error in that element.
async function showContract(show) {
  const element = document.getElementById("contract");
  try {
    show(await loadContract(), element);
  } catch (error) {
    element.textContent = "Could not load the API description. Reload the page to try again.";
    element.setAttribute("role", "alert");
    throw error;
  }
}
