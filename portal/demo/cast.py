"""What the cinema's viewers did in the last half year: a script, performed by `past`.

Days are counted so that everybody is where the script wants them on the last day, whatever the lengths of the months.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.demo.staff import (
    KIDS,
    Approved,
    CancelledByPhone,
    Drafted,
    GivenBack,
    Granted,
    Priced,
    Rejected,
    StaffAct,
)

GOOD = "4242 4242 4242 4242"
MASTERCARD = "5555 5555 5555 4444"
MIR = "2200 0000 0000 0053"
CHALLENGED = "4000 0000 0000 3220"  # 3-D Secure
NO_FUNDS = "4000 0000 0000 9995"
LOST = "4000 0000 0000 9987"
DECLINES_LATER = "4000 0000 0000 0341"
ASKS_LATER = "4000 0027 6000 3184"  # the bank wants every renewal confirmed
DISPUTED = "4000 0000 0000 0259"  # its holder goes to the bank after three days


@dataclass(frozen=True)
class Buys:
    """Orders, and tries a card on the hosted page."""

    plan: str
    card: str = GOOD
    count: int = 1
    currency: str | None = None


@dataclass(frozen=True)
class Orders:
    """Looks at the hosted page and leaves."""

    plan: str


@dataclass(frozen=True)
class Pays:
    """What is open: an order, or a renewal."""

    card: str = GOOD


@dataclass(frozen=True)
class DropsOrder:
    pass


@dataclass(frozen=True)
class Cancels:
    at_once: bool = False
    group: str = "main"


@dataclass(frozen=True)
class Resumes:
    pass


@dataclass(frozen=True)
class TakesBack:
    """One of the two offers, of the time bought last."""

    offer: str  # full | unused


@dataclass(frozen=True)
class AsksBack:
    """Another sum of it, which waits for an operator."""

    minor: int
    why: str


@dataclass(frozen=True)
class ChangesCard:
    card: str = GOOD


@dataclass(frozen=True)
class RemovesCard:
    pass


@dataclass(frozen=True)
class RefundRefused:
    """The bank will not make the next refund."""


@dataclass(frozen=True)
class RefundSlow:
    """The bank takes its time over the next refund."""

    days: int


Act = (
    Buys
    | Orders
    | Pays
    | DropsOrder
    | Cancels
    | Resumes
    | TakesBack
    | AsksBack
    | ChangesCard
    | RemovesCard
    | RefundRefused
    | RefundSlow
)


@dataclass(frozen=True)
class Story:
    login: str
    ago: float  # days before the last one
    plot: tuple[tuple[float, Act | StaffAct], ...]  # days after `ago`


STORIES = (
    # Those to whom nothing happens but renewals.
    Story("anna", 181.3, ((0, Buys("standard")),)),
    Story(
        "dmitri",
        177.9,
        (
            (0, Buys("premium", MIR)),
            (100.2, AsksBack(20000, "Почти не смотрел в этом месяце.")),
            (101.1, Rejected("time_used", "Смотрел 14 вечеров из 30.")),
        ),
    ),
    Story("irina", 170.2, ((0, Buys("premium-year", MASTERCARD)),)),
    Story(
        "ksenia",
        96.6,
        ((0, Buys("standard", CHALLENGED)), (50.4, GivenBack(10000, "technical_fault", "Не было звука два вечера."))),
    ),
    Story("henry", 158.4, ((0, Buys("premium", MASTERCARD)), (70.3, Granted(7, "Moved house, no internet.")))),
    Story("jack", 74.9, ((0, Buys("sport")),)),
    Story(
        "emma",
        128.8,
        (
            (0, Buys("premium", currency="USD")),
            (90.1, AsksBack(150, "The premiere came two days late.")),
            (90.7, Approved()),
        ),
    ),
    Story("nina", 0.02, ((0, Buys("premium")),)),  # today
    # Two groups, and several months at once.
    Story("elena", 172.5, ((0, Buys("premium")), (51.2, Buys("sport", MASTERCARD)))),
    Story("gleb", 168.1, ((0, Buys("standard", count=3)), (80.4, Buys("standard", count=3)))),
    Story("grace", 62.6, ((0, Buys("premium", count=3, currency="USD")),)),
    # Buying does not go smoothly.
    Story("yuri", 140.7, ((0, Buys("standard", NO_FUNDS)), (0.05, Pays(MIR)))),
    Story("oliver", 88.3, ((0, Buys("premium", LOST)), (0.4, Pays(CHALLENGED)))),
    Story("roman", 117.5, ((0, Orders("standard")), (0.06, Buys("premium")))),
    Story("lev", 61.9, ((0, Orders("premium")), (44.3, Orders("standard")))),  # never paid
    Story("mila", 49.2, ((0, Orders("premium-year")), (0.3, DropsOrder()), (6.1, Buys("standard")))),
    Story("petra", 0.1, ((0, Orders("premium")),)),  # can still be paid
    # Leaving, and staying after all.
    Story("oleg", 165.6, ((0, Buys("standard")), (50.3, Cancels()))),
    Story("pavel", 131.4, ((0, Buys("premium")), (43.2, CancelledByPhone("Позвонил сам, карты под рукой не было.")))),
    Story("nadia", 143.1, ((0, Buys("premium", MASTERCARD)), (68.4, Cancels()), (75.2, Resumes()))),
    Story("sasha", 110.8, ((0, Buys("standard", MIR)), (100.3, Cancels()))),  # until the period's end
    Story("sonya", 105.5, ((0, Buys("sport")), (40.6, Cancels(group="sport")), (81.2, Buys("sport")))),  # came back
    Story("zoya", 121.7, ((0, Buys("standard")), (40.9, RemovesCard()))),
    # Cards that stop paying.
    Story("kirill", 160.9, ((0, Buys("premium", DECLINES_LATER)),)),  # ended unpaid
    Story("maxim", 151.2, ((0, Buys("standard", DECLINES_LATER)), (33.1, ChangesCard(MASTERCARD)))),
    Story("larisa", 149.6, ((0, Buys("premium", DECLINES_LATER)), (39.4, ChangesCard(MIR)))),
    Story("arkady", 145.3, ((0, Buys("premium", DECLINES_LATER)), (39.7, Buys("standard")))),
    Story("ilya", 135.8, ((0, Buys("standard", ASKS_LATER)), (31.6, Pays()), (62.3, Pays()), (70.2, ChangesCard()))),
    Story("rita", 155.4, ((0, Buys("premium")), (130.5, ChangesCard(DECLINES_LATER)))),  # owes
    Story("timur", 162.4, ((0, Buys("standard")), (140.6, ChangesCard(DECLINES_LATER)))),  # suspended
    # Money back.
    Story("raisa", 101.8, ((0, Buys("premium")), (5.3, TakesBack("full")))),
    Story("stepan", 91.1, ((0, Buys("standard")), (48.7, TakesBack("unused")))),
    Story("galina", 41.5, ((0, Buys("standard")), (20.3, Buys("standard", count=3)), (22.1, TakesBack("unused")))),
    Story("marta", 71.6, ((0, Buys("premium")), (3.2, RefundRefused()), (3.25, TakesBack("full")))),
    Story("arina", 12.9, ((0, Buys("premium-year")), (11.4, RefundSlow(5)), (11.45, TakesBack("full")))),
    Story("tamara", 84.2, ((0, Buys("premium")), (64.1, AsksBack(15000, "Три дня не шло видео в 4K.")))),
    Story("vadim", 33.7, ((0, Buys("sport")), (27.4, AsksBack(8300, "Финал показали с опозданием.")))),
    Story("fedor", 24.6, ((0, Buys("standard", DISPUTED)),)),  # the bank has not decided yet
    Story("lucy", 66.2, ((0, Buys("premium", currency="USD")), (64.8, AsksBack(200, "There were no subtitles.")))),
)

# What happened to the shop: days before the last one, and what.
SHOP: tuple[tuple[float, StaffAct], ...] = (
    (76.4, Priced("sport", 27900, "RUB")),
    (38.2, Drafted(KIDS, 19900, "RUB")),
)
