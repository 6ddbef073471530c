"""The listener's own library: tags read from a folder of audio files."""
