"""The form of an account: what a person types or a program sends, turned into one.

A secret comes in and never goes out: the fields for it are never filled, not even when the form is
shown again because something else in it is wrong.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from smtpcheck.engine.errors import Refused
from smtpcheck.engine.grammar import refuse_control_characters
from smtpcheck.engine.redaction import Secret
from smtpcheck.engine.uri import SmtpUri, checked_port, parse_uri
from smtpcheck.models import CLIENT_KEY, PASSWORD, SmtpAccount
from smtpcheck.models.account import canonical_entries
from smtpcheck.services.proxies import configured_proxies
from smtpcheck.wording import describe

# The code of an error that only asks a person to type a secret once more.
AGAIN = "again"


def refusal(refused: Refused) -> ValidationError:
    """Return the error of a field in the words of the catalogue: the cause and what to do."""
    return worded(refused.diagnosis_id, refused.parameters)


def worded(diagnosis_id: str, parameters: Mapping[str, object]) -> ValidationError:
    """Return a diagnosis of the catalogue as the error of a field."""
    wording = describe(diagnosis_id, parameters)
    return ValidationError(" ".join((wording.cause, *wording.remedy)), code=diagnosis_id)


class SecretInput(forms.PasswordInput):
    """A password box that is always sent out empty."""

    def __init__(self) -> None:
        super().__init__(
            attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False
        )


class SecretField(forms.CharField):
    """A field whose value is a ``Secret``, or None when it was left empty."""

    widget = SecretInput

    def __init__(self, **options: Any) -> None:
        # A blank at the end of a password may be meant, and a test will tell.
        super().__init__(required=False, strip=False, **options)

    def clean(self, value: Any) -> Any:
        """Return the Secret; a control character in it is an error that does not repeat it."""
        text = self.to_python(value) or ""
        try:
            refuse_control_characters("password", text)
        except Refused as refused:
            raise refusal(refused) from None
        return Secret(text) if text else None


class SecretText(forms.Textarea):
    """A box for a secret of several lines that is always sent out empty."""

    def __init__(self) -> None:
        super().__init__(
            attrs={"rows": 6, "class": "pem", "autocomplete": "off", "spellcheck": "false"}
        )

    def format_value(self, value: Any) -> str:  # noqa: ARG002 - Django's signature
        """Return nothing, whatever was typed."""
        return ""


class PrivateKeyField(forms.CharField):
    """A field whose value is a private key in PEM as a ``Secret``, or None when left empty."""

    widget = SecretText

    def clean(self, value: Any) -> Any:
        """Return the Secret; what is no key is an error that does not repeat it."""
        text = self.to_python(value)
        if text and ("PRIVATE KEY-----" not in text or "ENCRYPTED" in text):
            raise ValidationError(
                _(
                    "Paste the private key in PEM form and without a passphrase: it begins with "
                    "-----BEGIN PRIVATE KEY-----."
                ),
                code="private-key",
            )
        return Secret(text) if text else None


class UriField(forms.CharField):
    """A field whose value is what an SMTP URI names, or None when it was left empty."""

    widget = SecretInput

    def clean(self, value: Any) -> Any:
        """Return the parsed URI; what is wrong with it is told without repeating it."""
        text = self.to_python(value)
        try:
            return parse_uri(text) if text else None
        except Refused as refused:
            raise refusal(refused) from None


# The stubs know what a form is for; Django's own class takes no parameter when it runs.
if TYPE_CHECKING:
    _Form = forms.ModelForm[SmtpAccount]
else:
    _Form = forms.ModelForm


class SmtpAccountForm(_Form):
    """An account as an operator edits it.

    A pasted URI fills server, port, security, user name and password. An empty password keeps the
    saved one, unless the destination changes: then the model drops it. What the policy allows the
    account is a field only where a door adds it, for a person with the right.
    """

    uri = UriField(
        required=False,
        label=_("SMTP URI"),
        help_text=_(
            "Have a whole URI, such as smtps://user:password@mail.example.com:465? Paste it here "
            "and save: it fills server, port, security, user name and password, whatever stands in "
            "those fields. It is not shown, because it can hold a password."
        ),
    )
    password = SecretField(
        label=_("Password"),
        help_text=_(
            "Leave it empty to keep the saved one. A saved password is never shown, and it is "
            "deleted when server, port, security, user name, login mechanism, authorities, "
            "fingerprint or proxy change: then type it again."
        ),
    )
    client_key = PrivateKeyField(
        required=False,
        label=_("Private key of the client certificate"),
        help_text=_("It is stored encrypted and never shown again."),
    )
    clear_password = forms.BooleanField(
        required=False,
        label=_("Delete the saved password"),
        help_text=_("For a server that wants no login, or a password that must not stay here."),
    )

    proxy = forms.ChoiceField(
        required=False,
        label=_("Proxy"),
        help_text=_(
            "The outgoing proxy that tests go through, out of those of the settings. Changing it "
            "deletes the saved password."
        ),
    )

    class Meta:
        model = SmtpAccount
        fields = (
            "name",
            "host",
            "port",
            "security",
            "username",
            "auth_mechanism",
            "sender",
            "recipient",
            "goal",
            "ehlo_name",
            "ca_bundle",
            "pin",
            "proxy",
            "client_certificate",
            "team",
        )

    # The team of a new account where the form does not ask for it.
    team_of_new: ClassVar[Group | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.team_of_new is not None and "team" not in self.fields:
            self.instance.team = self.team_of_new
        self.old_policy = self.instance.policy_entries
        self.had_password = self.instance.has_secret()
        if not self.had_password and "password" in self.fields:
            self.fields["password"].help_text = _("It is stored encrypted and never shown again.")
        self.had_client_key = self.instance.has_secret(CLIENT_KEY)
        if self.had_client_key and "client_key" in self.fields:
            self.fields["client_key"].help_text = _(
                "A key is saved. Leave this empty to keep it. It is deleted when the client "
                "certificate is emptied, and when server, port, security, user name, login "
                "mechanism, authorities, fingerprint or proxy change."
            )
        proxy = self.fields.get("proxy")
        if isinstance(proxy, forms.ChoiceField):
            proxy.choices = _proxies(self.instance.proxy)
        for name in ("host", "username"):
            if name in self.fields:
                # A browser would offer the login of this site.
                self.fields[name].widget.attrs["autocomplete"] = "off"
        for name in ("ca_bundle", "client_certificate", "policy_entries"):
            if name in self.fields:
                self.fields[name].widget.attrs.update({"rows": 6, "class": "pem"})

    @property
    def password_was_dropped(self) -> bool:
        """After saving: the saved password is gone although nobody asked to delete it."""
        is_asked = bool(self.cleaned_data.get("clear_password"))
        return self.had_password and not self.instance.has_secret() and not is_asked

    @property
    def policy_was_dropped(self) -> bool:
        """After saving: what was allowed is gone, because the host changed."""
        return bool(self.old_policy) and self.is_policy_kept and not self.instance.policy_entries

    @property
    def is_policy_kept(self) -> bool:
        """Whether nobody typed other policy entries than there were."""
        typed = self.cleaned_data.get("policy_entries", self.old_policy)
        return canonical_entries(typed) == self.old_policy

    @property
    def lacks_client_key(self) -> bool:
        """After saving: there is a client certificate, and no private key for it."""
        return bool(self.instance.client_certificate) and not self.instance.has_secret(CLIENT_KEY)

    def notices(self) -> list[str]:
        """After saving: what a person would not expect, a secret that is gone or missing."""
        account = self.instance
        told = []
        if self.password_was_dropped:
            told.append(
                gettext(
                    "The saved password was deleted, because it belonged to the server, login or "
                    "certificate settings as they were before. Type it again for the new ones."
                )
            )
        elif account.username and not account.has_secret():
            told.append(
                gettext(
                    "A user name is set but no password is saved, so the login cannot be tested."
                )
            )
        if self.policy_was_dropped:
            told.append(
                gettext(
                    "The networks and ports that were allowed for this account were deleted, "
                    "because they belonged to the host as it was before."
                )
            )
        if self.lacks_client_key:
            told.append(
                gettext(
                    "A client certificate is set but its private key is not saved, or was deleted "
                    "because the settings that it belonged to changed. Paste the key."
                )
            )
        return told

    def clean_port(self) -> int:
        """A port that exists."""
        try:
            return checked_port(self.cleaned_data["port"])
        except Refused as refused:
            raise refusal(refused) from None

    def clean_ca_bundle(self) -> str:
        """Certificates that OpenSSL can read, and nothing that has to be kept secret."""
        bundle: str = self.cleaned_data["ca_bundle"].strip()
        if "PRIVATE KEY" in bundle:
            raise ValidationError(
                _("This holds a private key, which does not belong here. Paste certificates only."),
                code="private-key",
            )
        if bundle and not _is_readable(bundle):
            raise worded("config.ca-invalid", {})
        return bundle

    def clean(self) -> dict[str, Any]:
        """Let the pasted URI win; refuse to be told two things about the password."""
        cleaned = super().clean() or self.cleaned_data
        uri = cleaned.get("uri")
        if uri:
            self._take(uri)
        if cleaned.get("password") and cleaned.get("clear_password"):
            self.add_error(
                "clear_password",
                _("Either give a new password or delete the saved one, not both."),
            )
        if cleaned.get("client_key") and not cleaned.get("client_certificate"):
            self.add_error(
                "client_certificate",
                _("A private key needs its certificate: paste that here, or leave out the key."),
            )
        return cleaned

    def save(self, commit: bool = True) -> SmtpAccount:
        """Put the password into the account, or out of it; as a ModelForm otherwise."""
        if secret := self.cleaned_data.get("password"):
            self.instance.set_secret(PASSWORD, secret)
        elif self.cleaned_data.get("clear_password"):
            self.instance.set_secret(PASSWORD, None)
        if not self.is_policy_kept:
            self.instance.set_policy(self.cleaned_data["policy_entries"])
        if key := self.cleaned_data.get("client_key"):
            self.instance.set_secret(CLIENT_KEY, key)
        elif not self.instance.client_certificate:
            self.instance.set_secret(CLIENT_KEY, None)
        return super().save(commit)

    def _take(self, uri: SmtpUri) -> None:
        values: dict[str, str | int] = {
            "host": uri.host,
            "port": uri.port,
            "security": uri.security.value,
        }
        if uri.username:
            values["username"] = uri.username
        for name, value in values.items():
            self.errors.pop(name, None)
            self.cleaned_data[name] = value
        # Into the data as well: the history then names the fields that changed, and a form that is
        # shown again has them filled.
        self._show(values)
        if uri.password:
            self.cleaned_data["password"] = uri.password

    def _show(self, values: Mapping[str, str | int]) -> None:
        data = QueryDict(mutable=True)
        data.update(self.data)
        for name, value in values.items():
            data[self.add_prefix(name)] = str(value)
        self.data = data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc] # Django's hook, which the stubs leave out
        if "host" in self.errors and "@" in self.data.get(self.add_prefix("host"), ""):
            self._show({"host": ""})  # a whole URI in the wrong field: it can hold a password
        for name in ("ca_bundle", "client_certificate"):
            if "PRIVATE KEY" in self.data.get(self.add_prefix(name), ""):
                self._show({name: ""})  # as above, with a key in the place of certificates
        if self.errors and self.cleaned_data.get("password"):
            self.add_error(
                "password",
                ValidationError(
                    _("Type the password again: it was not kept because of the other errors."),
                    code=AGAIN,
                ),
            )
        if self.errors and self.cleaned_data.get("client_key"):
            self.add_error(
                "client_key",
                ValidationError(
                    _("Paste the private key again: it was not kept because of the other errors."),
                    code=AGAIN,
                ),
            )

    def _get_validation_exclusions(self) -> set[str]:
        # Who may not choose the team still must not make a second account for the same login in it.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"team"}

    def _update_errors(self, errors: ValidationError) -> None:
        """Tell what the model refuses in the words that every door uses for it.

        A field that was refused before came to the model empty: what it says of that is left out.
        """
        if hasattr(errors, "error_dict"):
            errors.error_dict = {
                field: [_in_words(error) for error in found]
                for field, found in errors.error_dict.items()
                if field not in self.errors
            }
        super()._update_errors(errors)  # type: ignore[misc]


def _proxies(current: str) -> list[tuple[str, str]]:
    """What can be chosen; a name that the settings have no more stays until a person changes it."""
    names = sorted(configured_proxies())
    gone = (current,) if current and current not in names else ()
    return [
        ("", gettext("None: straight from here")),
        *((name, name) for name in names),
        *((name, gettext("%(name)s (not in the settings)") % {"name": name}) for name in gone),
    ]


def _is_readable(bundle: str) -> bool:
    """Whether OpenSSL takes the text as authorities, which is what a test will ask of it."""
    # Between its certificates a bundle may name them in any language; ssl takes ASCII only.
    ascii_bundle = bundle.encode("ascii", "ignore").decode()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ascii_bundle)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _in_words(error: ValidationError) -> ValidationError:
    is_diagnosis = bool(error.code and error.code.startswith("config."))
    return worded(str(error.code), error.params or {}) if is_diagnosis else error
