"""Numbers that say who somebody is, read as people type them: ID card, credit code, telephone. Pure.

`Wrong` has the names that forms give their own faults: `Fault(wrong.value)`.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

LENGTH: Final = 18
"""Of an ID number and of a credit code."""
_ID_NUMBER: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_FIRST_YEAR: Final = 1900
_KEPT_PHONE: Final = re.compile(r"\+?[0-9]{5,20}")


class Wrong(StrEnum):
    ID_LENGTH = "id_length"
    ID_CHECK = "id_check"
    CREDIT_LENGTH = "credit_length"
    CREDIT_CHECK = "credit_check"
    PHONE = "phone"


def plain(text: str) -> str:
    """Without the spaces and hyphens that people put between groups; full-width digits as plain ones."""
    normal = unicodedata.normalize("NFKC", text).upper()
    return "".join(each for each in normal if not each.isspace() and each != "-")


def id_number(text: str) -> str | Wrong:
    """居民身份证号码 (GB 11643): 18 places with a day of birth and a check digit.

    The place is not looked up, as `ric.validate` would: it is the one of the day the number was given, so
    people born before 1984 carry codes that were new then, and residence permits (8…, 9…) have no place.
    """
    number = plain(text)
    if len(number) != LENGTH:
        return Wrong.ID_LENGTH
    if not _ID_NUMBER.fullmatch(number) or ric.calc_check_digit(number) != number[-1]:
        return Wrong.ID_CHECK
    try:
        born = ric.get_birth_date(number)
    except ValidationError:
        return Wrong.ID_CHECK
    return number if born.year >= _FIRST_YEAR else Wrong.ID_CHECK


def credit_code(text: str) -> str | Wrong:
    """统一社会信用代码 (GB 32100): 18 places with a check digit."""
    code = plain(text)
    if len(code) != LENGTH:
        return Wrong.CREDIT_LENGTH
    try:
        return str(uscc.validate(code))
    except ValidationError:
        return Wrong.CREDIT_CHECK


def phone_number(text: str) -> str | Wrong:
    """A telephone number that exists in its country, as E.164; China when no country is said."""
    try:
        number = phonenumbers.parse(plain(text), "CN")
    except phonenumbers.NumberParseException:
        return Wrong.PHONE
    if not phonenumbers.is_valid_number(number):
        return Wrong.PHONE
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def shown_phone(kept: str) -> str:
    """As people in China write it: 138 1234 5678, 0743 822 1234; another country's with its code; what is no
    number as it is."""
    if not _KEPT_PHONE.fullmatch(kept):
        return kept
    number = phonenumbers.parse(kept, "CN")
    at_home = number.country_code == 86
    form = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number, form))
