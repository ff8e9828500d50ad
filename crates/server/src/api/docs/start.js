SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  docExpansion: "list",
  displayRequestDuration: true,
  // The validator would be another host's.
  validatorUrl: null,
});
