"""Asking whoever acts to prove once more that it is them, for exactly what they are about to do.

INVARIANTS
- The proof is asked for and used up on the server: the page only carries it.
- It is made as the session was: by a passkey, at the council's provider, or, where nobody is real, by a click.
- Whoever went on has a new cookie; the one of before opens nothing more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from flask import g, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import pages
from gateway.console.oidc_views import keep_browser, refused
from gateway.console.session_cookie import set_session
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.staff import federation, service
from gateway.staff.errors import ProviderAnswerError, ProviderAwayError, SignInError
from gateway.staff.model import Method, SignedIn
from gateway.staff.provider import Provider
from gateway.wiring import Wiring

AGAIN: Final = "The passkey was not accepted. Try again."
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_TITLE: Final = "Confirm that it is you"


@dataclass(frozen=True, slots=True)
class Proof:
    """Lets somebody go on with an action once they have proved for it that it is them."""

    wiring: Wiring
    provider: Provider | None

    def then(
        self,
        *,
        action: str,
        record: str,
        back: str,
        go_on: Callable[[], AnyResponse],
        carried: Mapping[str, str] = NOTHING,
    ) -> AnyResponse:
        """Go on for whoever proved for this action on this record that it is them; else ask them to.

        Args:
            back: the page from which the action is done again after a proof at the provider.
            carried: fields of the form that the action needs again once it was proved.
        """
        who = current_staff()
        if who.session.method is Method.OIDC:
            secret = service.proved_elsewhere(self.wiring, who, action=action, record=record)
            if secret is None:
                return self._ask_provider(who, action=action, record=record, back=back)
            return self._gone_on(secret, go_on)
        credential = request.form.get("credential", "")
        if not credential:
            return self._ask(who, action=action, record=record, carried=carried)
        try:
            secret = service.step_up(self.wiring, who, action=action, record=record, credential=credential)
        except SignInError:
            error = {"field": "passkey", "sentence": AGAIN}
            return self._ask(who, action=action, record=record, carried=carried, error=error)
        return self._gone_on(secret, go_on)

    def _gone_on(self, secret: str, go_on: Callable[[], AnyResponse]) -> AnyResponse:
        renewed = service.admit(self.wiring, secret)
        if renewed is None:
            raise Problem(NOT_FOUND)
        g.signed_in = renewed  # what the page carries is of the session as it is from now on
        response = make_response(go_on())
        set_session(response, secret)
        return response

    def _ask(
        self,
        who: SignedIn,
        *,
        action: str,
        record: str,
        carried: Mapping[str, str],
        error: dict[str, str] | None = None,
    ) -> AnyResponse:
        offered = service.offer_step_up(self.wiring, who, action=action, record=record)
        return pages.render(
            self.wiring.settings,
            "prove.html",
            title=_TITLE,
            status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
            error=error,
            options=offered.options,
            clicked=offered.clicked if who.session.method is Method.DEMO else "",
            address=request.path,
            carried=carried,
        )

    def _ask_provider(self, who: SignedIn, *, action: str, record: str, back: str) -> AnyResponse:
        if self.provider is None:  # it was there when they signed in
            raise Problem(NOT_FOUND)
        try:
            begun = federation.start_step_up(
                self.wiring, self.provider, who, action=action, record=record, wanted=back
            )
        except (ProviderAnswerError, ProviderAwayError) as error:
            return refused(self.wiring.settings, error)
        # A link: a form may lead nowhere but here, not by a redirect either.
        response = pages.render(
            self.wiring.settings,
            "prove_elsewhere.html",
            title=_TITLE,
            address=begun.url,
            name=self.provider.settings.name,
        )
        keep_browser(response, begun)
        return response
