"""What is served to apps and browsers beside the API: SignalR hubs, and pages.

The hubs are the conversation with the planner, for apps that speak SignalR: a client of the API
like any other. What comes in over a WebSocket goes out over one gRPC stream, `AiService.Chat`, and
the other way round. Who may talk, and how much, is the API's business.

The pages (`pages/`) know nothing of the hubs: they are files, and call the API from the browser.
"""
