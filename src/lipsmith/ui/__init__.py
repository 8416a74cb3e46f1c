"""The Gradio page: ``generate`` with the controls that MuseTalk's page has."""
