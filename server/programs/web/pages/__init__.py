"""The pages for browsers: an introduction, and the API to read and to try.

`static/` is our own, `vendor/` is third-party code (fetched by `scripts/vendor.py`), and
`generated/openapi.json` describes the API. Nothing is loaded from other servers.
"""
