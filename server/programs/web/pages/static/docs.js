// Swagger UI: the API, to try.
"use strict";

document.documentElement.classList.toggle(
  "dark-mode",
  matchMedia("(prefers-color-scheme: dark)").matches,
);

showContract((spec, domNode) =>
  SwaggerUIBundle({
    spec,
    domNode,
    deepLinking: true,
    docExpansion: "list",
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    // A token is forgotten when the page is left.
    persistAuthorization: false,
    // Nobody else is asked whether the document is valid.
    validatorUrl: null,
    // A link cannot make this page show another server's API.
    queryConfigEnabled: false,
  }),
);
