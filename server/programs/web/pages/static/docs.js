// Shows the API in Swagger UI.
"use strict";

document.documentElement.classList.toggle(
  "dark-mode",
  matchMedia("(prefers-color-scheme: dark)").matches,
);

showContract((spec, domNode) => {
  const story = new Story(spec);
  const ui = SwaggerUIBundle({
    spec: story.told(),
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
    requestInterceptor: (request) => {
      // A token that was entered under Authorize is there already.
      if (story.token && story.acceptsToken(request)) {
        request.headers.Authorization ??= `Bearer ${story.token}`;
      }
      return request;
    },
    responseInterceptor: (response) => {
      if (response.ok && story.learn(response)) ui.specActions.updateJsonSpec(story.told());
      return response;
    },
  });
});
