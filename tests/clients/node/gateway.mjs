// What every program here starts with: its options, its key, a record of its requests, and how it answers.
import { readFileSync } from 'node:fs'

export const options = JSON.parse(process.argv[2])

const ALGORITHMS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  Ed25519: { name: 'Ed25519' },
}

// The client's own key, as the libraries want it.
export async function privateKey() {
  const jwk = JSON.parse(readFileSync(options.key_file, 'utf8'))
  const key = await crypto.subtle.importKey('jwk', jwk, ALGORITHMS[options.algorithm], false, ['sign'])
  return { key, kid: jwk.kid }
}

// A fetch that remembers what was asked and how it was answered.
export function recording(send = fetch) {
  const requests = []
  const recorded = async (url, init) => {
    const response = await send(url, init)
    requests.push([init.method, new URL(url).pathname, response.status])
    return response
  }
  return { requests, recorded }
}

// What a promise was refused with; a refusal that does not come is a fault of the test.
export async function refusal(promise) {
  try {
    await promise
  } catch (error) {
    const [challenge] = Array.isArray(error.cause) ? error.cause : []
    return { error: error.error ?? challenge?.parameters.error ?? error.code ?? error.message, status: error.status }
  }
  throw new Error('nothing was refused')
}

export function answer(found) {
  process.stdout.write(JSON.stringify(found))
}
