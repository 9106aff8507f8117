// oidc-provider over TLS: whoever the browser says in X-Subject signs in, without a page in between.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { Provider } from 'oidc-provider'

const options = JSON.parse(process.argv[2])
const provider = new Provider(options.issuer, {
  clients: options.clients,
  jwks: options.jwks,
  cookies: { keys: [options.cookie_key] },
  acrValues: ['gold'],
  claims: { openid: ['sub'], acr: null, auth_time: null },
  pkce: { required: () => true },
  enabledJWA: {
    idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256'],
    clientAuthSigningAlgValues: ['PS256', 'ES256'],
  },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: false } },
  // Its own way out refuses the loopback, where the gateway of a test is.
  fetch: (url, { dispatcher, ...request }) => fetch(url, request),
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (context, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    })
    grant.addOIDCScope('openid')
    await grant.save()
    return grant
  },
})
provider.proxy = true
provider.on('server_error', (context, error) => console.error(error))
provider.on('backchannel.error', (context, error) => console.error(error))
provider.on('grant.error', (context, error) => console.error(error))

const answer = provider.callback()
createServer(
  { cert: readFileSync(options.certificate), key: readFileSync(options.certificate_key) },
  async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return answer(request, response)
    const login = { accountId: request.headers['x-subject'], acr: request.headers['x-acr'] }
    await provider.interactionFinished(request, response, { login })
  },
).listen(options.port, '127.0.0.1')
