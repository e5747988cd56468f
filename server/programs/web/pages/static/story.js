// Keeps the examples of the OpenAPI document sendable, in order and repeatedly.
"use strict";

// Operations that end what the examples before them began: a session, or a whole account.
const ENDINGS = [
  "FollowService_DeleteFollowSecret",
  "AuthService_ChangePassword",
  "AuthService_Logout",
  "UserService_DeleteUser",
];
const ENDINGS_TAG = {
  name: "Endings",
  description:
    "Operations that end what the others began. They are here, after all others, so that the " +
    "examples can be sent from top to bottom.",
};

class Story {
  #document;
  // The value in this visitor's story by the value in the document.
  #values = new Map();
  // The access token of the last login, discarded with the page.
  token = null;

  constructor(document) {
    this.#document = withEndingsLast(document);
    // Usernames are unique on a server, and other visitors send the same examples.
    this.#values.set("ada", `ada-${Math.random().toString(36).slice(2, 8)}`);
  }

  // Returns the document with the values of this visitor in the examples of requests.
  told() {
    const told = structuredClone(this.#document);
    for (const { parameters = [], requestBody } of operationsOf(told)) {
      for (const holder of [...parameters, ...Object.values(requestBody?.content ?? {})]) {
        if ("example" in holder) holder.example = this.#replaced(holder.example);
      }
    }
    return told;
  }

  // Returns true if the operation of a request may be called with an access token.
  acceptsToken({ method, url }) {
    const called = pathOf(url);
    return Object.entries(this.#document.paths).some(([path, item]) => {
      const { security = [] } = item[method.toLowerCase()] ?? {};
      const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
      return pattern.test(called) && security.some((scheme) => "accessToken" in scheme);
    });
  }

  // Takes the values of a successful reply for those of its example. Returns true if one is new.
  learn({ url, obj: reply }) {
    this.token = reply?.access_token ?? this.token;
    const example = Object.values(this.#document.paths[pathOf(url)] ?? {})
      .map(({ responses }) => responses["200"].content?.["application/json"]?.example)
      .find(Boolean);
    const learned = Object.entries(example ?? {})
      .filter(([, value]) => typeof value === "string")
      .map(([name, value]) => [value, reply?.[name]])
      .filter(([value, actual]) => actual && this.#replaced(value) !== actual);
    for (const [value, actual] of learned) this.#values.set(value, actual);
    return learned.length > 0;
  }

  #replaced(node) {
    if (Array.isArray(node)) return node.map((each) => this.#replaced(each));
    if (node !== null && typeof node === "object") {
      return Object.fromEntries(
        Object.entries(node).map(([name, value]) => [name, this.#replaced(value)]),
      );
    }
    return this.#values.get(node) ?? node;
  }
}

function pathOf(url) {
  return new URL(url, location).pathname;
}

function operationsOf(document) {
  return Object.values(document.paths).flatMap(Object.values);
}

// Returns the document with ENDINGS under a tag of their own, in their order.
function withEndingsLast(document) {
  const paths = Object.entries(document.paths);
  const place = ([, item]) =>
    Math.max(...Object.values(item).map(({ operationId }) => ENDINGS.indexOf(operationId)));
  paths.sort((one, other) => place(one) - place(other));
  for (const operation of operationsOf(document)) {
    if (ENDINGS.includes(operation.operationId)) operation.tags = [ENDINGS_TAG.name];
  }
  return { ...document, paths: Object.fromEntries(paths), tags: [...document.tags, ENDINGS_TAG] };
}
