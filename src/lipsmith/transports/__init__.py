"""The ways out of a live session: WebRTC, WebSocket, RTMP and SRT, a film, a virtual camera. See docs/transports.md.

Each is a ``sinks.Sink``. Nothing is imported here: WebRTC needs aiortc, the camera pyvirtualcam.
"""
