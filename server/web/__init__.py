"""The conversation with the planner over SignalR, for apps that speak it.

A client of the API like any other: what comes in over a WebSocket goes out over one gRPC stream,
`AiService.Chat`, and the other way round. Who may talk, and how much, is the API's business.
"""
