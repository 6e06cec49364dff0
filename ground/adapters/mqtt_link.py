"""The ground's connection to the real broker."""

from pathlib import Path

from ground.errors import ConfigError
from ground.service import SUBSCRIPTIONS
from icd.params import BrokerAccess
from icd.topics import SIM_TIME
from runtime.mqtt_link import BrokerSettings, MqttLink

CLIENT_ID = "ground"


def make_link(access: BrokerAccess) -> MqttLink:
    """Return the link that carries the ground's traffic.

    Raises:
        ConfigError: the password file cannot be read.
    """
    return MqttLink(_settings(access), CLIENT_ID, SUBSCRIPTIONS)


def make_time_link(access: BrokerAccess) -> MqttLink:
    """Return a link that hears the time authority and nothing else.

    Raises:
        ConfigError: the password file cannot be read.
    """
    return MqttLink(_settings(access), f"{CLIENT_ID}-time", (SIM_TIME,))


def _settings(access: BrokerAccess) -> BrokerSettings:
    try:
        password = Path(access.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{access.password_file}: the broker password cannot be read: {error}") from error
    return BrokerSettings(access.host, access.port, access.username, password)
