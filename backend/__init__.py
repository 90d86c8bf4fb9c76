"""The trusted side: HTTP, WebSocket sessions and the supervision of workers."""
