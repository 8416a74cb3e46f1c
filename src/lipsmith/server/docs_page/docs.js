// The interactive documentation. A key that the pages were given in this tab is used here too.
"use strict";

const ui = SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null, // asks no other site
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  onComplete: () => {
    const key = sessionStorage.getItem("lipsmith.key");
    if (key) ui.preauthorizeApiKey("HTTPBearer", key);
    document.body.dataset.ready = "";
  },
});
