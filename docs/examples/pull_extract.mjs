// Pull one case extract from an Early Help Gateway and print it.
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import * as client from 'openid-client'

const { GATEWAY_URL, CLIENT_ID, KEY_FILE, CA_FILE, PRACTITIONER, CASE_REF } = process.env
if (CA_FILE) tls.setDefaultCACertificates([...tls.getCACertificates(), readFileSync(CA_FILE, 'utf8')])

const jwk = JSON.parse(readFileSync(KEY_FILE, 'utf8'))
const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const config = await client.discovery(
  new URL(GATEWAY_URL),
  CLIENT_ID,
  {},
  client.PrivateKeyJwt({ key, kid: jwk.kid }),
  { algorithm: 'oauth2' },
)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

try {
  const { access_token } = await client.clientCredentialsGrant(
    config,
    {
      scope: 'extract:read',
      resource: `${GATEWAY_URL}/v1`,
      authorization_details: JSON.stringify([
        { type: 'case_extract', purpose: 'P1', practitioner: { id: PRACTITIONER } },
      ]),
    },
    { DPoP },
  )
  const url = new URL(`${GATEWAY_URL}/v1/cases/${CASE_REF}/extract`)
  const answer = await client.fetchProtectedResource(config, access_token, url, 'GET', null, undefined, { DPoP })
  if (answer.status === 404) throw new Error('Not available.')
  if (!answer.ok) throw new Error(`Refused: ${(await answer.json()).title}`)
  console.log(JSON.stringify(await answer.json(), null, 2))
} catch (refused) {
  console.error(refused.error ? `No token: ${refused.error}: ${refused.error_description}` : refused.message)
  process.exitCode = 1
}
