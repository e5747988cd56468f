// What an app does, with Microsoft's client: node signalr.mjs <package.json> <url> <scenario>
// Prints one line of JSON; the tests say what should stand in it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, url, scenario] = process.argv.slice(2);
const { HttpTransportType, HubConnectionBuilder, LogLevel } = createRequire(modules)(
  "@microsoft/signalr",
);

const good = { accessTokenFactory: () => "Web good" };

function built(path, options = good) {
  const received = [];
  const connection = new HubConnectionBuilder()
    .withUrl(url + path, options)
    .withAutomaticReconnect(Array(100).fill(50))
    .configureLogging(LogLevel.None)
    .build();
  connection.on("ReceiveMessage", (message) => {
    received.push(message);
    connection.heard?.(message);
  });
  return { connection, received };
}

async function error(promise) {
  return promise.then(
    () => null,
    (reason) => reason.message,
  );
}

/** Calls, and returns what was received until the answer. */
async function said({ connection, received }, ...call) {
  received.length = 0;
  await connection.invoke(...call);
  return [...received];
}

const scenarios = {
  async refused() {
    const direct = { skipNegotiation: true, transport: HttpTransportType.WebSockets };
    const bad = { accessTokenFactory: () => "Web bad" };
    return {
      missing: await error(built("/ai-chat", {}).connection.start()),
      header: await error(built("/ai-chat-v2", bad).connection.start()),
      query: await error(built("/ai-chat?access_token=Web%20bad", {}).connection.start()),
      direct: await error(built("/ai-chat", { ...direct, ...bad }).connection.start()),
    };
  },

  async tokens() {
    const direct = { skipNegotiation: true, transport: HttpTransportType.WebSockets };
    const ways = {
      header: built("/ai-chat"),
      raw: built("/ai-chat", { headers: { Authorization: "Web good" } }),
      query: built("/ai-chat?access_token=Web%20good", {}),
      direct: built("/ai-chat", { ...direct, ...good }),
    };
    const found = {};
    for (const [name, way] of Object.entries(ways)) {
      await way.connection.start();
      found[name] = (await said(way, "Introduce", "de-DE")).at(-1).message;
      await way.connection.stop();
    }
    return found;
  },

  // With a real worker behind it, and a model that tests/ai/planner plays.
  async everything() {
    const v2 = built("/ai-chat-v2");
    await v2.connection.start();
    const hello = await said(v2, "Introduce", "en-AU", 3, "kg");
    const plan = await said(v2, "SendMessage", "Make me a plan", 3);
    const memory = await said(v2, "SendMessage", "What did I say first?", 3);
    await v2.connection.stop();
    const v1 = built("/ai-chat?access_token=Web%20good", {});
    await v1.connection.start();
    await said(v1, "Introduce", "en-AU");
    const legacy = await said(v1, "SendMessage", "Make me a plan");
    await v1.connection.stop();
    return { hello, plan, memory, legacy };
  },

  async conversation() {
    const first = built("/ai-chat");
    const second = built("/ai-chat-v2");
    await Promise.all([first.connection.start(), second.connection.start()]);
    return {
      first: [
        (await said(first, "Introduce", "de-DE")).at(-1),
        (await said(first, "SendMessage", "plan")).at(-1),
        (await said(first, "RestartChat")).at(-1),
      ],
      second: [
        (await said(second, "Introduce", "en-US", 3, "lbs")).at(-1),
        (await said(second, "SendMessage", "plan", 3)).at(-1),
        (await said(second, "SendMessage", "grüße 💪", 3)).at(-1),
      ],
      update: await said(second, "SendMessage", "hi", 2),
      failed: await error(first.connection.invoke("SendMessage", "fail")),
      unknown: await error(first.connection.invoke("Nothing")),
      stream: await error(
        new Promise((complete, error) =>
          first.connection.stream("SendMessage", "hi").subscribe({ complete, error }),
        ),
      ),
    };
  },

  async stop() {
    const { connection, received } = built("/ai-chat-v2");
    await connection.start();
    const waiting = new Promise((resolve) => (connection.heard = resolve));
    const asked = connection.invoke("SendMessage", "wait", 3);
    await waiting;
    await connection.invoke("StopInProgress");
    await asked;
    const next = await said({ connection, received }, "SendMessage", "next", 3);
    return { next: next.at(-1).message };
  },

  async reconnect() {
    const app = built("/ai-chat");
    await app.connection.start();
    await app.connection.invoke("Introduce", "de-DE");
    const back = new Promise((resolve) => app.connection.onreconnected(resolve));
    const reason = new Promise((resolve) => app.connection.onreconnecting(resolve));
    console.log("connected");
    const id = await back;
    const text = (await said(app, "SendMessage", "again")).at(-1).message;
    await app.connection.stop();
    return { text, hasId: Boolean(id), reason: (await reason)?.message ?? null };
  },

  async leave() {
    const { connection } = built("/ai-chat");
    await connection.start();
    const waiting = new Promise((resolve) => (connection.heard = resolve));
    const asked = error(connection.invoke("SendMessage", "wait"));
    await waiting;
    console.log("waiting");
    // Until the tests have seen that the conversation lives.
    for await (const _ of createInterface({ input: process.stdin })) break;
    await connection.stop();
    return { asked: await asked };
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
