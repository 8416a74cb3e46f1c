"""The Gradio page: the same generation, for people who know MuseTalk's."""
