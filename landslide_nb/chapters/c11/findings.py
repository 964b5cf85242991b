"""What chapter 11 found, said with the numbers that it computed."""

import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c11.scenes import Event
from landslide_nb.chapters.c11.tables import Ranking
from landslide_nb.display.wording import sentences


def maps(event: Event, area: pd.DataFrame, ranking: Ranking | None, alarm: pd.DataFrame) -> Markdown:
    """How much is called before and after, how far the map's order helps, and what a low rate does to alarms."""
    share, ground = area["share"], area["km²"].iloc[0]
    lines = [
        f"- Called a landslide ({event.title}): {share.iloc[1]:.1%} of {ground:.1f} km² before the event, {share.iloc[2]:.1%} after it;"
        f" {share.iloc[3]:.1%} are new. What is called before is not of this event."
    ]
    if ranking is not None:
        ours, best, random = ranking.half
        lines.append(
            f"- Half of the annotated pixels lie in the first {ours:.1f} km² of {ranking.looked[-1]:.1f} in the map's order; at best"
            f" {best:.1f}, at random {random:.1f}. Mean probability and annotated pixels of a place correlate by"
            f" {ranking.correlation:.2f} (Spearman)."
        )
    rate, worth = alarm.index[-1], alarm["alarms that are one"].iloc[-1]
    lines.append(
        f"- Where {rate} of patches have a landslide, {worth:.1%} of the alarms are one: at a threshold that suits the test patches,"
        " nearly all ground that is called is not one."
    )
    return sentences("\n".join(lines))
