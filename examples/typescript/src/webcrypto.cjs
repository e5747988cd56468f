/* Node 18 has WebCrypto, but not where browsers and newer ones have it. */
globalThis.crypto ??= require("node:crypto").webcrypto;
