"""What is said over HTTP and the WebSocket, and what a worker may answer."""
