// An identity provider (the package oidc-provider), and an API that takes its access tokens: node provider.mjs PORT REDIRECT_URI
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const resource = `${issuer}/api`;
const granted = { scope: "orders", accessTokenFormat: "opaque", accessTokenTTL: 600 };
const client = { client_secret: "s3cret s3cret s3cret", application_type: "native", id_token_signed_response_alg: "RS256" };

const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: "batch", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
    {
      ...client,
      client_id: "shop",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [redirectUri],
      response_types: ["code"],
    },
  ],
  cookies: { keys: ["some key"] },
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: () => granted,
      useGrantedResource: () => true,
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ["openid", "offline_access", "orders"],
});
const callback = provider.callback();

createServer(async (request, response) => {
  if (!request.url.startsWith("/api/orders")) {
    callback(request, response);
    return;
  }
  const value = (request.headers.authorization ?? "").replace("Bearer ", "");
  const token = (await provider.AccessToken.find(value)) ?? (await provider.ClientCredentials.find(value));
  const good = token?.isValid && token.scopes.has("orders");
  response.writeHead(good ? 200 : 401, { "Content-Type": "application/json" });
  response.end(JSON.stringify(good ? { orders: [{ id: 1, asked_by: token.clientId }] } : { error: "invalid_token" }));
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
