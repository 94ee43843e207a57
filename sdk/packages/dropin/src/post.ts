export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  /** An empty object if there was no JSON. */
  readonly body: Record<string, any>;
}

export async function post(url: string, body: object, signal: AbortSignal): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  return { ok: answer.ok, status: answer.status, body: (await answer.json().catch(() => null)) ?? {} };
}
