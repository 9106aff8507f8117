// openid-client and undici: mutual TLS at the endpoints the metadata names for it, a token bound to the certificate.
import { readFileSync } from 'node:fs'
import * as client from 'openid-client'
import * as undici from 'undici'
import { answer, options, privateKey, recording, refusal } from './gateway.mjs'

const agent = (files) =>
  new undici.Agent({
    connect: {
      ca: readFileSync(options.authority),
      ...Object.fromEntries(Object.entries(files).map(([name, file]) => [name, readFileSync(file)])),
    },
  })
const through = (dispatcher) => (url, init) => undici.fetch(url, { ...init, dispatcher })
const ours = agent({ cert: options.certificate, key: options.certificate_key })

const { requests, recorded } = recording(through(ours))
const authentication =
  options.method === 'tls_client_auth' ? client.TlsClientAuth() : client.PrivateKeyJwt(await privateKey())
const config = await client.discovery(
  new URL(options.issuer),
  options.client_id,
  { use_mtls_endpoint_aliases: true },
  authentication,
  { algorithm: 'oauth2', [client.customFetch]: recorded },
)
const token = await client.clientCredentialsGrant(config, {
  scope: 'extract:read',
  resource: options.resource,
  authorization_details: options.authorization_details,
})

const pull = (send) => {
  config[client.customFetch] = send
  return client.fetchProtectedResource(config, token.access_token, new URL(options.extract_url), 'GET')
}
const extract = await pull(recorded)
const others = agent({ cert: options.other_certificate, key: options.other_certificate_key })
const stolen = {
  without: await refusal(pull(through(agent({})))),
  other: await refusal(pull(through(others))),
}

config[client.customFetch] = recorded
const alive = await client.tokenIntrospection(config, token.access_token)
await client.tokenRevocation(config, token.access_token)

answer({
  token: { ...token, access_token: undefined },
  extract: await extract.json(),
  stolen,
  alive,
  revoked: await refusal(pull(recorded)),
  endpoints: config.serverMetadata().mtls_endpoint_aliases,
  requests,
})
