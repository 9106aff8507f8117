// oauth4webapi as a client, and then as a resource server that judges our token, proof and documents by its own rules.
// jose judges what oauth4webapi does not know: a token that is bound to a certificate.
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as undici from 'undici'
import { answer, options, privateKey } from './gateway.mjs'

const issuer = new URL(options.issuer)
const resource = new URL(options.resource)
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }),
)
const described = await oauth.processResourceDiscoveryResponse(
  resource,
  await oauth.resourceDiscoveryRequest(resource),
)

const self = { client_id: options.client_id }
const parameters = {
  scope: 'extract:read',
  resource: options.resource,
  authorization_details: options.authorization_details,
}
const DPoP = oauth.DPoP(self, await oauth.generateKeyPair('ES256'))
const token = await oauth.processClientCredentialsResponse(
  server,
  self,
  await oauth.clientCredentialsGrantRequest(
    server,
    self,
    oauth.PrivateKeyJwt(await privateKey()),
    new URLSearchParams(parameters),
    { DPoP },
  ),
)

const url = new URL(options.extract_url)
const pulled = await oauth.protectedResourceRequest(token.access_token, 'GET', url, undefined, null, { DPoP })

// What a client would send, kept instead of sent.
async function request(proof) {
  let kept
  await oauth.protectedResourceRequest(token.access_token, 'GET', url, undefined, null, {
    DPoP: proof,
    [oauth.customFetch]: async (address, init) => {
      kept = new Request(address, init)
      return new Response()
    },
  })
  return kept
}
const validate = (sent) => oauth.validateJwtAccessToken(server, sent, options.resource)
const changed = (sent, headers) => new Request(sent.url, { headers: { ...Object.fromEntries(sent.headers), ...headers } })

const honest = await request(DPoP)
const claims = await validate(honest)
const stranger = oauth.DPoP(self, await oauth.generateKeyPair('ES256'))
const bare = new Request(url, { headers: { authorization: honest.headers.get('authorization') } })
const why = (judgement) => judgement.then(() => 'accepted', (error) => error.message)
const refused = {
  'no proof': await why(validate(bare)),
  'a proof of another key': await why(validate(await request(stranger))),
  'the other scheme': await why(validate(changed(honest, { authorization: `Bearer ${token.access_token}` }))),
  'another address': await why(validate(new Request(`${url}s`, honest))),
  'another audience': await why(oauth.validateJwtAccessToken(server, honest, options.issuer)),
}

const connect = {
  ca: readFileSync(options.authority),
  cert: readFileSync(options.certificate),
  key: readFileSync(options.certificate_key),
}
const dispatcher = new undici.Agent({ connect })
const known = { ...self, use_mtls_endpoint_aliases: true }
const bound = await oauth.processClientCredentialsResponse(
  server,
  known,
  await oauth.clientCredentialsGrantRequest(server, known, oauth.TlsClientAuth(), new URLSearchParams(parameters), {
    [oauth.customFetch]: (address, init) => undici.fetch(address, { ...init, dispatcher }),
  }),
)
const { payload, protectedHeader } = await jwtVerify(
  bound.access_token,
  createRemoteJWKSet(new URL(server.jwks_uri)),
  { issuer: server.issuer, audience: options.resource, typ: 'at+jwt', algorithms: ['ES256'] },
)
const certificate = new X509Certificate(connect.cert)

answer({
  described,
  extract: await pulled.json(),
  claims,
  refused,
  bound: { type: bound.token_type, claims: payload, header: protectedHeader },
  thumbprint: createHash('sha256').update(certificate.raw).digest('base64url'),
})
