"""The gateway: the WebSocket server, its protocol, rooms and fan-out, and the beats."""
