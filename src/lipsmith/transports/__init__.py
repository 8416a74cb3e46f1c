"""The outputs of a live session: WebRTC, WebSocket, RTMP and SRT, a film, a virtual camera. See docs/transports.md.

Each is a ``realtime.host.Sink``. Nothing is imported here: WebRTC needs aiortc, the camera pyvirtualcam.
"""
