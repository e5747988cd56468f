// Shows the API in Swagger UI.
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
    // Tokens are discarded when the page closes.
    persistAuthorization: false,
    // No third-party server validates the document.
    validatorUrl: null,
    // A link must not make this page show another server's API.
    queryConfigEnabled: false,
  }),
);
