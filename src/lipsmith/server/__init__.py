"""The HTTP API: films, avatars, previews and live sessions under ``/v1``; see docs/server.md.

Needs the extra ``server``. The server's own process never decodes what a caller sent. Worker processes
do, so a crash or a cancellation ends only one of them.
"""
