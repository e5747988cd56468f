"""The web process: SignalR hubs for apps and pages for browsers.

The hubs carry conversations with the planner for apps that use SignalR. They are a client of the
API like any other: each WebSocket is bridged to one gRPC stream, `AiService.Chat`. The API
authenticates callers and enforces their quotas.

The pages (`pages/`) are independent of the hubs: static files that call the API from the browser.
"""
