"""MQTT topic filters: `+` stands for one level, a last `#` for all that follow (MQTT 3.1.1, section 4.7)."""


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether a topic passes a filter; both are taken as valid."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)


def check_filter(topic_filter: str) -> str:
    """Return the filter.

    Raises:
        ValueError: it is empty, or a wildcard stands where none may.
    """
    levels = topic_filter.split("/")
    whole = all(level in ("+", "#") or not ("+" in level or "#" in level) for level in levels)
    if not topic_filter or not whole or "#" in levels[:-1]:
        raise ValueError(f"{topic_filter!r} is no topic filter: + stands for a whole level, # for all at the end")
    return topic_filter


def check_topic(topic: str) -> str:
    """Return the topic.

    Raises:
        ValueError: it is empty or holds a wildcard, so nothing can be published to it.
    """
    if not topic or "+" in topic or "#" in topic:
        raise ValueError(f"{topic!r} is no topic to publish to")
    return topic
