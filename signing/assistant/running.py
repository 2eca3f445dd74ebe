"""The assistant put together from its settings, and how the person's programs ask the one that runs."""

import json
import secrets
from typing import Final

import httpx

from signing.assistant.acts import Ukeys
from signing.assistant.keeping import own_secret, private_folder
from signing.assistant.own_pages import Drawer
from signing.assistant.sessions import new_challenge, proof
from signing.assistant.settings import AssistantSettings
from signing.assistant.work import Work
from signing.token import virtual
from signing.token.profiles import profile
from signing.token.station import Station

ASK_WITHIN_S: Final = 3.0


class VirtualDrawer:
    """The virtual UKeys that are not plugged in."""

    def lying(self) -> tuple[str, ...]:
        """Their labels."""
        return tuple(each.label for each in virtual.ukeys() if not each.plugged)

    def plug(self, label: str) -> None:
        """Plug one in."""
        virtual.plug(label)

    def only(self, label: str) -> None:
        """As who writes a certificate does: every other one is pulled out."""
        virtual.plug(label)
        for each in virtual.ukeys():
            if each.plugged and label not in (each.label, each.serial):
                virtual.unplug(each.serial or each.label)

    def unplug(self, label: str) -> None:
        """Pull one out."""
        virtual.unplug(label)


def ukeys_of(settings: AssistantSettings) -> Ukeys:
    """Virtual UKeys, or the devices of the named profile. Raises TokenError."""
    if not settings.profile_name:
        return virtual.station()
    return Station(profile(settings.profile_name, settings.profile))


def assemble(settings: AssistantSettings) -> tuple[Work, Drawer | None]:
    """Everything that `application.serve` needs. Raises SigningError."""
    drawer = VirtualDrawer() if settings.demo and not settings.profile_name else None
    return Work(settings, ukeys_of(settings)), drawer


def ask_for_opening(settings: AssistantSettings) -> str | None:
    """From the person's running assistant, an address that lets a browser in once; None when none runs.

    Another local user may have taken the port: the secret is never sent, both sides prove that they know it.
    """
    secret = own_secret(private_folder(settings.folder))
    challenge = new_challenge()
    headers = {"X-Challenge": challenge, "Authorization": f"Bearer {proof(secret, 'ask', challenge)}"}
    try:
        with httpx.Client(trust_env=False, timeout=ASK_WITHIN_S) as client:
            answer = client.post(f"{settings.origin}/v1/open", headers=headers)
        said = json.loads(answer.content) if answer.status_code == 200 else {}
        address, proven = str(said["address"]), str(said["proof"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    expected = proof(secret, "answer", f"{challenge} {address}")
    return address if secrets.compare_digest(expected.encode(), proven.encode()) else None
