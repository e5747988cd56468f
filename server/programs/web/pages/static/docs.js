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
    responseInterceptor: (response) => {
      if (response.ok) goOn(response);
      return response;
    },
  });

  // Puts the values of a reply into the other examples, and a token into each call.
  function goOn({ url, obj }) {
    if (story.learn(new URL(url, location).pathname, obj)) {
      ui.specActions.updateJsonSpec(story.told());
    }
    if (obj.access_token) ui.preauthorizeApiKey("accessToken", obj.access_token);
  }
});
