"""Next fire times by croniter, for the tests of schedules.

    cron.py FOLDER QUESTIONS ANSWERS

FOLDER is where the pinned croniter is kept; it is fetched from PyPI when it is not there. QUESTIONS has one JSON object a
line, {"cron", "zone", "after" (seconds since 1970), "count"}. Each is answered by one line of ANSWERS:

    direct   the first `count` fires as croniter itself gives them in that zone; null where it gives up
    mapped   croniter on the bare wall clock, its times then turned into instants by the rules of daylight saving: a time
             that does not exist is the first instant after the gap; one that exists twice is the first, or both if the
             hour field is `*` or `*/n`, and such an entry has none in the gap
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from pypi import fetch

PINNED = ["croniter==7.0.0", "python-dateutil==4.0.0"]
UTC = timezone.utc


def instants(wall, zone, by_elapsed_time):
    """The instants (seconds since 1970) at which an entry for this bare wall clock time fires."""
    found = []
    for fold in (0, 1):
        instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == wall:
            found.append(int(instant.timestamp()))
    if found:
        return sorted(set(found)) if by_elapsed_time else [min(found)]
    if by_elapsed_time:
        return []
    # In a gap: between the two readings lies the change.
    low, high = sorted(int(wall.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    before = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return [high]


def mapped(croniter, cron, zone, after, count):
    fields = cron.split()
    by_elapsed_time = cron == "@hourly" or len(fields) == 5 and (
        fields[1] == "*" or fields[1].startswith("*/") and "," not in fields[1])
    fires = set()
    walls = croniter(cron, datetime.fromtimestamp(after, zone).replace(tzinfo=None) - margin(after, zone))
    while True:
        wall = walls.get_next(datetime)
        fires.update(fire for fire in instants(wall, zone, by_elapsed_time) if fire > after)
        # What is still to come lies after this.
        now = int(wall.replace(tzinfo=zone).timestamp())
        surely = now - margin(now, zone).seconds
        if sum(1 for fire in fires if fire <= surely) >= count:
            return sorted(fires)[:count]


def margin(instant, zone):
    """By how much wall clock times may be out of order around an instant."""
    before, after = (datetime.fromtimestamp(instant + day, zone).utcoffset() for day in (-86400, 86400))
    return timedelta(hours=0 if before == after else 3)


def direct(croniter, cron, zone, after, count):
    times = croniter(cron, datetime.fromtimestamp(after, zone))
    return [int(times.get_next(float)) for _ in range(count)]


def main(folder, questions, answers):
    fetch(folder, PINNED)
    sys.path.insert(0, folder)
    from croniter import CroniterBadDateError, croniter

    zones = {}
    with open(questions) as lines, open(answers, "w") as out:
        for line in lines:
            question = json.loads(line)
            name = question["zone"]
            zone = zones.setdefault(name, ZoneInfo(name))
            answer = {}
            for way in (direct, mapped):
                try:
                    answer[way.__name__] = way(
                        croniter, question["cron"], zone, question["after"], question["count"])
                except CroniterBadDateError:
                    answer[way.__name__] = None
            out.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
