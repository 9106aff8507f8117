// openid-client: signed assertion, token bound to a DPoP key, an extract, then the status of the token and its end.
import * as client from 'openid-client'
import { answer, options, privateKey, recording, refusal } from './gateway.mjs'

const { requests, recorded } = recording()
const config = await client.discovery(
  new URL(options.issuer),
  options.client_id,
  {},
  client.PrivateKeyJwt(await privateKey()),
  { algorithm: options.discovery, [client.customFetch]: recorded },
)

const keyPair = await client.randomDPoPKeyPair(options.proof_algorithm)
const token = await client.clientCredentialsGrant(
  config,
  { scope: 'extract:read', resource: options.resource, authorization_details: options.authorization_details },
  { DPoP: client.getDPoPHandle(config, keyPair) },
)

// Another handle of the same key: it remembers no nonce, as a client whose API has another host.
const DPoP = client.getDPoPHandle(config, keyPair)
const pull = () =>
  client.fetchProtectedResource(
    config,
    token.access_token,
    new URL(options.extract_url),
    'GET',
    undefined,
    undefined,
    { DPoP },
  )
const extract = await pull()
const absence = await client.fetchProtectedResource(
  config,
  token.access_token,
  new URL(options.absent_url),
  'GET',
  undefined,
  undefined,
  { DPoP },
)

const alive = await client.tokenIntrospection(config, token.access_token)
await client.tokenRevocation(config, token.access_token)
const dead = await client.tokenIntrospection(config, token.access_token)

answer({
  token: { ...token, access_token: undefined },
  extract: await extract.json(),
  absence: { status: absence.status, body: await absence.json() },
  alive,
  dead,
  revoked: await refusal(pull()),
  requests,
})
