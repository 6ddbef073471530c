"""What the demo's listener plays."""

from __future__ import annotations

from tonearm.core.play import Track


def _track(artist: str, title: str, album: str, minutes: int, seconds: int) -> Track:
    return Track(artist, title, album, duration=float(60 * minutes + seconds))


PLAYS = (
    _track("Nina Simone", "Sinnerman", "Pastel Blues", 10, 20),
    _track("Björk", "Jóga", "Homogenic", 5, 5),
    _track("Fela Kuti", "Water No Get Enemy", "Expensive Shit", 9, 50),
    _track("Sigur Rós", "Svefn-g-englar", "Ágætis byrjun", 10, 4),
    _track("Miles Davis", "So What", "Kind of Blue", 9, 22),
    _track("Kraftwerk", "Das Model", "Die Mensch-Maschine", 3, 38),
    _track("Cesária Évora", "Sodade", "Miss Perfumado", 4, 53),
    _track("椎名林檎", "丸ノ内サディスティック", "無罪モラトリアム", 3, 54),
    _track("Portishead", "Roads", "Dummy", 5, 5),
    _track("Ali Farka Touré", "Savane", "Savane", 7, 41),
    _track("Joni Mitchell", "A Case of You", "Blue", 4, 20),
    _track("Сплин", "Выхода нет", "Гранатовый альбом", 3, 43),
    _track("Aphex Twin", "Xtal", "Selected Ambient Works 85–92", 4, 51),
    _track("Mercedes Sosa", "Gracias a la vida", "Homenaje a Violeta Parra", 4, 24),
    _track("AC/DC", "Thunderstruck", "The Razors Edge", 4, 52),
    _track("Erykah Badu", "On & On", "Baduizm", 3, 45),
    _track("Pixies", "Where Is My Mind?", "Surfer Rosa", 3, 53),
    _track("Σωκράτης Μάλαμας", "Πριγκιπέσα", "Ένα", 4, 32),
    _track("!!!", "Heart of Hearts", "Myth Takes", 5, 51),
    _track("Leonard Cohen", "Famous Blue Raincoat", "Songs of Love and Hate", 5, 9),
)
