"""The power modes as a transition table. SAFE is left through SURVIVAL only: the next good reading places the node."""

from enum import StrEnum, unique

from icd.tc import PowerMode
from node.kernel.fsm import TransitionTable


@unique
class PowerTrigger(StrEnum):
    """What moves the power mode."""

    SUN = "SUN"
    ECLIPSE = "ECLIPSE"
    SURPLUS = "SURPLUS"
    SURPLUS_SPENT = "SURPLUS_SPENT"
    LOW_BATTERY = "LOW_BATTERY"
    BATTERY_RESTORED = "BATTERY_RESTORED"
    ENTER_SAFE = "ENTER_SAFE"
    LEAVE_SAFE = "LEAVE_SAFE"


_M, _T = PowerMode, PowerTrigger

POWER_TABLE: TransitionTable[PowerMode, PowerTrigger] = TransitionTable(
    "power",
    _M.SURVIVAL,
    (
        (_M.SURVIVAL, _T.SUN, _M.NOMINAL),  # first good reading after a boot or after SAFE
        (_M.SURVIVAL, _T.ECLIPSE, _M.ECLIPSE),  # the same
        (_M.SURVIVAL, _T.BATTERY_RESTORED, _M.NOMINAL),
        (_M.SURVIVAL, _T.ENTER_SAFE, _M.SAFE),
        (_M.ECLIPSE, _T.SUN, _M.NOMINAL),
        (_M.ECLIPSE, _T.LOW_BATTERY, _M.SURVIVAL),
        (_M.ECLIPSE, _T.ENTER_SAFE, _M.SAFE),
        (_M.NOMINAL, _T.ECLIPSE, _M.ECLIPSE),
        (_M.NOMINAL, _T.SURPLUS, _M.BOOST),
        (_M.NOMINAL, _T.LOW_BATTERY, _M.SURVIVAL),
        (_M.NOMINAL, _T.ENTER_SAFE, _M.SAFE),
        (_M.BOOST, _T.SURPLUS_SPENT, _M.NOMINAL),
        (_M.BOOST, _T.ECLIPSE, _M.ECLIPSE),
        (_M.BOOST, _T.LOW_BATTERY, _M.SURVIVAL),
        (_M.BOOST, _T.ENTER_SAFE, _M.SAFE),
        (_M.SAFE, _T.LEAVE_SAFE, _M.SURVIVAL),
    ),
)
