"""What the registration for a lot takes over from a checked profile: a proposal, which may be changed."""

from office.subjects import MarketSubjectKind
from web.subjects.acting import subjects_on
from web.visits import Visit


async def registration_form(visit: Visit, name: str) -> dict[str, str]:
    """The form's fields; nothing unless the profile is checked and of the name under which is registered."""
    assert visit.signed_in is not None
    subject = await subjects_on(visit.site).of(visit.signed_in.account_id)
    if subject is None or subject.verified_at is None or subject.name != name:
        return {}
    profile, organization = subject.profile, subject.kind is MarketSubjectKind.ORGANIZATION
    whose = "representative" if organization else "applicant"
    place = "".join(profile.get(part, "") for part in ("province", "city", "address"))
    return {
        "kind": "organization" if organization else "person",
        "code": profile.get("credit_code" if organization else "applicant_number", ""),
        "representative": profile.get("representative_name", ""),
        "contact": profile.get(f"{whose}_name", ""),
        "phone": profile.get(f"{whose}_phone", "").removeprefix("+86"),
        "address": place,
        "refund_bank": profile.get("account_bank", ""),
        "refund_account": profile.get("account_number", ""),
    }
