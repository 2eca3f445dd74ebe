"""The end of an announcement: the table of spec/trading.md. Pure."""

from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import EndOutcome, ProfileFaults, RuleProfile, faults_of


def decide_end(rules: RuleProfile, method: SaleMethod, registrants: int, extensions: int) -> EndOutcome:
    """What happens with so many qualified registrants (form complete, deposit in) after so many extensions.

    The total decides, also after an extension: who withdrew is not counted.
    Raises ProfileFaults when the profile does not fit the method, ValueError for a negative number.
    """
    if registrants < 0 or extensions < 0:
        raise ValueError("nobody counts below zero")
    if faults := faults_of(rules.as_json(), method):
        raise ProfileFaults(faults)
    if registrants >= rules.minimum_registrants:
        return EndOutcome.AUCTION
    again = extensions >= max(1, rules.most_extensions)
    if registrants == 0:
        return rules.on_none_again if again else rules.on_none
    return rules.on_one_again if again else rules.on_one
