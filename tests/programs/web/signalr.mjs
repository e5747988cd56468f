// Scenarios of an app with Microsoft's client: node signalr.mjs <package.json> <url> <scenario>
// Prints one line of JSON, which the tests check.
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

/** Calls a method, and returns the messages received until its completion. */
async function said({ connection, received }, ...call) {
  received.length = 0;
  await connection.invoke(...call);
  return [...received];
}

/** Calls a method that fails, and returns the messages and the reason. */
async function failed(app, ...call) {
  app.received.length = 0;
  const reason = await error(app.connection.invoke(...call));
  return { said: [...app.received], reason };
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

  // With a real worker and the scripted model of tests/services/ai/planner.
  async everything() {
    const v2 = built("/ai-chat-v2");
    await v2.connection.start();
    const say = (text) => said(v2, "SendMessage", text, 3);
    const hello = await said(v2, "Introduce", "en-AU", 3, "kg");
    const words = await say("I like squats. ".repeat(8));
    const plan = await say("Make me a plan");
    const half = new Promise((resolve) => (v2.connection.heard = resolve));
    const waiting = say("Take your time and tell me more. ".repeat(8));
    await half;
    await v2.connection.invoke("StopInProgress");
    const stopped = await waiting;
    const remembered = await say("What did I say first?");
    const again = await said(v2, "RestartChat");
    const forgotten = await say("What did I say first?");
    await v2.connection.stop();
    const v1 = built("/ai-chat?access_token=Web%20good", {});
    await v1.connection.start();
    const legacy = await said(v1, "SendMessage", "Make me a plan");
    await v1.connection.stop();
    return { hello, words, plan, stopped, remembered, again, forgotten, legacy };
  },

  // A user who shares a whole program: node signalr.mjs … long <prefix>
  async long() {
    const prefix = process.argv[5] ?? "";
    const found = {};
    for (const [hub, ...version] of [["/ai-chat"], ["/ai-chat-v2", 3]]) {
      const app = built(prefix + hub);
      await app.connection.start();
      const program = "Squat 3×8, then rest. ".repeat(1000).slice(0, 20_000);
      const answer = (await said(app, "SendMessage", program, ...version)).at(-1).message;
      found[hub] = {
        repeated: answer.includes(program),
        plan: (await said(app, "SendMessage", "Make me a plan", ...version)).at(-1),
        tooLong: await failed(app, "SendMessage", "x".repeat(40_000), ...version),
        next: (await said(app, "SendMessage", "Hi", ...version)).at(-1).message,
      };
      await app.connection.stop();
    }
    return found;
  },

  // A user with an API key: node signalr.mjs … keys <key>
  async keys() {
    const key = process.argv[5];
    const direct = { skipNegotiation: true, transport: HttpTransportType.WebSockets };
    const asToken = { accessTokenFactory: () => key };
    const ways = {
      header: built("/ai-chat", { headers: { "x-api-key": key } }),
      v2: built("/v2/ai-chat-v2", { headers: { "X-API-Key": key, Authorization: "Basic eA==" } }),
      token: built("/v2/ai-chat", asToken),
      query: built(`/ai-chat-v2?access_token=${key}`, {}),
      direct: built("/ai-chat", { ...direct, ...asToken }),
    };
    const found = {};
    for (const [name, way] of Object.entries(ways)) {
      await way.connection.start();
      const version = way.connection.baseUrl.includes("ai-chat-v2") ? [3] : [];
      found[name] = (await said(way, "SendMessage", "Hi", ...version)).at(-1).message;
      await way.connection.stop();
    }
    const stale = { headers: { "x-api-key": "stale" } };
    found.stale = await error(built("/ai-chat", stale).connection.start());
    const beside = built("/ai-chat", { ...stale, ...good });
    await beside.connection.start();
    await beside.connection.stop();
    return found;
  },

  // Refused tokens with a real worker, in which only the store Web is configured.
  async strangers() {
    const tokens = ["Web wrong", "Google good", "Steam good", "good", "Bearer", "Web good good"];
    const found = { "": await error(built("/ai-chat-v2", {}).connection.start()) };
    for (const token of tokens) {
      const bearing = { accessTokenFactory: () => token };
      found[token] = await error(built("/ai-chat-v2", bearing).connection.start());
    }
    return found;
  },

  // Many idle users: node signalr.mjs … idle <people> <seconds>
  async idle() {
    const [people, seconds] = process.argv.slice(5).map(Number);
    const rooms = Array.from({ length: people }, () => built("/ai-chat-v2"));
    let lost = 0;
    for (const { connection } of rooms) {
      connection.onreconnecting(() => lost++);
      connection.onclose(() => lost++);
    }
    // In groups: the number of connections matters, not the rate.
    for (let start = 0; start < people; start += 20) {
      await Promise.all(rooms.slice(start, start + 20).map(({ connection }) => connection.start()));
    }
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const stayed = lost === 0 && rooms.every(({ connection }) => connection.state === "Connected");
    await Promise.all(rooms.map(({ connection }) => connection.invoke("StopInProgress")));
    return { people, lost, stayed };
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
      failed: await failed(first, "SendMessage", "fail"),
      unknown: await error(first.connection.invoke("Nothing")),
      stream: await error(
        new Promise((complete, error) =>
          first.connection.stream("SendMessage", "hi").subscribe({ complete, error }),
        ),
      ),
      // Last, because it ends the conversations.
      quota: [
        await failed(first, "SendMessage", "quota"),
        await failed(second, "SendMessage", "quota", 3),
      ],
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
    // Wait until the test has seen the open conversation.
    for await (const _ of createInterface({ input: process.stdin })) break;
    await connection.stop();
    return { asked: await asked };
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
