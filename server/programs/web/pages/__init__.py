"""The pages that a browser can read: what this is, and its API to look at and to try.

`static/` is ours, `vendor/` is others' (`scripts/vendor.py` fetches it), and the API is described
by `generated/openapi.json`. Nothing is loaded from anywhere else.
"""
