/* Node 18 has WebCrypto, but no global `crypto` as browsers and newer versions have. */
globalThis.crypto ??= require("node:crypto").webcrypto;
