// Starts Swagger UI: in a file of its own, because the page's policy runs no inline script.
"use strict";

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#operations",
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null, // the validator is a server elsewhere: the pages speak to this one alone
});
