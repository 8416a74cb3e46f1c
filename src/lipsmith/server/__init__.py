"""The HTTP API: avatars, jobs and quick looks under ``/v1``; see docs/server.md.

Wants ``pip install "lipsmith[server]"``. The server's own process never decodes what a caller sent: worker processes
do, and can be stopped or crash alone.
"""
