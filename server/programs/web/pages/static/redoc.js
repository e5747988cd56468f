// Shows the API in ReDoc.
"use strict";

const FONT = "system-ui, sans-serif";

showContract((spec, element) =>
  Redoc.init(
    spec,
    {
      downloadDefinitionUrl: "openapi.json",
      expandResponses: "200",
      hideHostname: true,
      nativeScrollbars: true,
      scrollYOffset: "header",
      sortRequiredPropsFirst: true,
      theme: {
        colors: { primary: { main: "#0d6b52" } },
        rightPanel: { backgroundColor: "#17211d" },
        sidebar: { backgroundColor: "#f4f6f3" },
        typography: {
          fontFamily: FONT,
          headings: { fontFamily: FONT },
          code: { fontFamily: "ui-monospace, Menlo, Consolas, monospace" },
        },
      },
    },
    element,
  ),
);
