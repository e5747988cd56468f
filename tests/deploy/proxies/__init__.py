"""deploy/proxies: real reverse proxies in front of Gymlocker, over TLS."""
