// One call of HTTP: a text as body is sent as it is, anything else as JSON; a body that is no JSON has `json` undefined.
export async function call(method, url, { body, headers = {} } = {}) {
  const answer = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: answer.status, ok: answer.ok, headers: answer.headers, text, json };
}
