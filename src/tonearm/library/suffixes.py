"""Which files are music, by their suffixes, and which of them can be read."""

from __future__ import annotations

READ = (
    *(".mp3", ".mp2", ".flac", ".ogg", ".oga", ".opus", ".spx", ".m4a", ".m4p", ".mp4", ".aac", ".ac3", ".eac3"),
    *(".wav", ".wave", ".bwf", ".rf64", ".aif", ".aiff", ".aifc", ".wma", ".wv", ".ape", ".mpc", ".mpp", ".mp+"),
    *(".tta", ".tak", ".ofr", ".ofs", ".dsf", ".dff"),
)
"""What is read, in lower case."""

NOT_READ = (
    *(".mka", ".weba", ".caf", ".w64", ".au", ".snd", ".dts", ".thd", ".mlp", ".ra", ".ram", ".rm", ".shn", ".la"),
    *(".amr", ".aa", ".aax", ".m4b", ".mid", ".midi", ".kar", ".mod", ".xm", ".s3m", ".it", ".sid", ".nsf", ".spc"),
)
"""Audio that is not read: its tags aren't supported, or it has none, or (.m4b, .aa, .aax) it is an audio book."""
