"""Pictures and sound: films, sound files and stills in, films out; backgrounds and chroma key. PyAV does the coding."""
