// Drives the official client as a program of its owner would, and tells what came of it.
//
// Standard input: one line of JSON, see `Call` in official.py; a second line, of anything, aborts
// the call. Standard output: one line of JSON with an outcome for each call.
"use strict";

const readline = require("node:readline");

// A page in a browser as far as the client looks at one: its address, its cookies, its hidden field.
function playBrowser(baseUrl, page) {
  const url = new URL("/admin/", baseUrl);
  const visible = new Map(Object.entries(page.cookies));
  globalThis.window = { location: url };
  globalThis.document = {
    get cookie() {
      return [...visible].map((pair) => pair.join("=")).join("; ");
    },
    set cookie(text) {
      const [name, value] = text.split(";", 1)[0].split("=");
      visible.set(name, value);
    },
    getElementById: (id) => (id === "XSRF_TOKEN" && page.input ? { value: page.input } : null),
  };
  // A browser adds its cookies by itself, also those that no script may see.
  const send = globalThis.fetch;
  globalThis.fetch = (request) => {
    const cookies = [...visible, ...Object.entries(page.hiddenCookies)];
    const headers = new Headers(request.headers);
    headers.set("Cookie", cookies.map((pair) => pair.join("=")).join("; "));
    return send(new Request(request, { headers }));
  };
  console.log = () => {}; // the client tells there where it found the value
}

async function outcome(client, agent, asked, waitForAbort) {
  const options = { ...asked.requestOptions };
  if (asked.abort) {
    options.abortController = new AbortController();
    waitForAbort().then(() => options.abortController.abort());
  }
  try {
    const result = await agent.testSmtpServerAsync(...asked.arguments, options);
    return { result, status: client.WebApiStatus[options.requestStatus] };
  } catch (error) {
    return {
      status: client.WebApiStatus[options.requestStatus],
      refused: error.response && { status: error.response.status, body: error.response.data },
    };
  }
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const asked = JSON.parse((await lines.next()).value);
  const print = process.stdout.write.bind(process.stdout);
  if (asked.page) playBrowser(asked.options.baseUrl, asked.page);
  const client = require("@superoffice/webapi");
  const webApi = new client.WebApi(asked.options);
  for (const [method, value, ...more] of asked.logIn) webApi[method](value, ...more);
  const agent = webApi.getCustomerServiceAgent();
  const calls = Array.from({ length: asked.times }, () =>
    outcome(client, agent, asked, () => lines.next()),
  );
  const outcomes = await Promise.all(calls);
  const { ETableRight, EFieldRight } = client;
  print(JSON.stringify({ outcomes, rights: { ETableRight, EFieldRight } }) + "\n", () =>
    process.exit(0),
  );
}

main();
