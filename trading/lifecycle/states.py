"""The states of a lot, what is done to it, by whom, and what is said about it. Pure names, no rules."""

from enum import StrEnum


class SaleMethod(StrEnum):
    """竞价 needs two registrants, 拍卖 needs one."""

    COMPETITIVE_BIDDING = "competitive_bidding"
    AUCTION = "auction"


class LotState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    ANNOUNCED = "announced"
    """Registration is open, from its start on."""
    EXTENDED = "extended"
    """The same under a supplementary announcement."""
    SUSPENDED = "suspended"
    EVALUATION = "evaluation"
    """The announcement has ended; finance has not yet marked the statements complete up to the deadline."""
    NEGOTIATION = "negotiation"
    """One registrant after the extension: the transferor enters the final price."""
    IN_AUCTION = "in_auction"
    """Put on in the book; `lots.phase` says more."""
    PRIORITY_OFFER = "priority_offer"
    """Mode `offer`: the holder of the priority right is asked whether they take the final price."""
    NEXT_OFFER = "next_offer"
    """After a refusal or a default: the next bidder is asked to take the lot at the own highest bid."""
    REVIEW = "review"
    CONFIRMATION = "confirmation"
    CONTRACT = "contract"
    PAYMENT = "payment"
    PUBLICATION = "publication"
    """The result is announced, for its working days."""
    COMPLETED = "completed"
    ARCHIVED = "archived"
    UNSOLD = "unsold"
    WITHDRAWN = "withdrawn"
    ABORTED = "aborted"


class Act(StrEnum):
    """What is done to a lot."""

    SUBMIT = "submit"
    RETURN = "return"
    ANNOUNCE = "announce"
    CORRECT = "correct"
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    END_REGISTRATION = "end_registration"
    EXTEND = "extend"
    GO_TO_AUCTION = "go_to_auction"
    NEGOTIATE = "negotiate"
    FAIL = "fail"
    AGREE_PRICE = "agree_price"
    HAMMER = "hammer"
    """The auction's result is sealed in the ledger, sold."""
    ABORT = "abort"
    OFFER_PRIORITY = "offer_priority"
    ANSWER_PRIORITY = "answer_priority"
    OFFER_NEXT = "offer_next"
    ANSWER_NEXT = "answer_next"
    AWARD = "award"
    REFUSE_AWARD = "refuse_award"
    DEFAULT = "default"
    """The winner withdraws, does not seal, or does not pay: the deposit is forfeited."""
    CONFIRM = "confirm"
    """The sale confirmation is sealed by all."""
    CONTRACT_SEALED = "contract_sealed"
    PAID = "paid"
    END_PUBLICATION = "end_publication"
    ARCHIVE = "archive"
    REDATE = "redate"
    """A provisional date is counted again, because the calendar is known now."""


class Actor(StrEnum):
    TRANSFEROR = "transferor"
    ADMINISTRATOR = "administrator"
    BIDDER = "bidder"
    FINANCE = "finance"
    CLOCK = "clock"
    """The platform itself, when a date has come or a result is there."""


class AnnouncementKind(StrEnum):
    ANNOUNCEMENT = "announcement"
    SUPPLEMENTARY = "supplementary"
    CORRECTION = "correction"
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    WITHDRAWAL = "withdrawal"
    UNSOLD = "unsold"
    RESULT = "result"
    TERMINATION = "termination"
    """The auction was aborted, or a suspended sale is ended for good."""


class Audience(StrEnum):
    """Who is told. Registrants are addressed through their registrations, never by account."""

    TRANSFEROR = "transferor"
    ADMINISTRATORS = "administrators"
    FINANCE = "finance"
    REGISTRANTS = "registrants"
    WINNER = "winner"
