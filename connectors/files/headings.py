"""Headings of exports, and the fields of their APIs that they stand for."""

import re
from collections.abc import Iterable, Mapping

from schemas.errors import ConfigurationError

_WORD = re.compile(r"[\W_]+")


def squash(heading: str) -> str:
    """`First Name`, `FIRST_NAME` and `FirstName` are one heading."""
    return _WORD.sub("", heading.casefold())


def _by_squash(names: Iterable[str]) -> dict[str, str]:
    return {squash(name): name for name in names}


_SALESFORCE_COMMON = _by_squash(
    "Id Name OwnerId CreatedDate LastModifiedDate SystemModstamp IsDeleted MasterRecordId "
    "FirstName LastName Email Phone MobilePhone HomePhone OtherPhone Title Description "
    "AccountId Account.Name Industry Website NumberOfEmployees AnnualRevenue ParentId "
    "BillingStreet BillingCity BillingState BillingPostalCode BillingCountry "
    "MailingStreet MailingCity MailingState MailingPostalCode MailingCountry "
    "Street City State PostalCode Country Birthdate HasOptedOutOfEmail DoNotCall "
    "Company Status IsConverted ConvertedContactId ConvertedAccountId ConvertedOpportunityId "
    "StageName Amount CurrencyIsoCode CloseDate IsClosed IsWon ContactId "
    "Subject WhoId WhatId ActivityDate CompletedDateTime TaskSubtype CallType CallDisposition "
    "CallDurationInSeconds StartDateTime EndDateTime ActivityDateTime DurationInMinutes "
    "Username IsActive LeadSource".split()
) | {
    "mobile": "MobilePhone",
    "emailoptout": "HasOptedOutOfEmail",
    "employees": "NumberOfEmployees",
    "stage": "StageName",
    "closed": "IsClosed",
    "won": "IsWon",
    "leadstatus": "Status",
    "companyaccount": "Company",
    "lastmodified": "LastModifiedDate",
    "billingstateprovince": "BillingState",
    "billingzippostalcode": "BillingPostalCode",
    "mailingstateprovince": "MailingState",
    "mailingzippostalcode": "MailingPostalCode",
    "stateprovince": "State",
    "zippostalcode": "PostalCode",
}
"""API names, which reports show with blanks, and what reports call otherwise."""

_SALESFORCE: dict[str, dict[str, str]] = {
    "account": {"accountid": "Id", "accountname": "Name"},
    "contact": {"contactid": "Id", "accountname": "Account.Name"},
    "lead": {"leadid": "Id"},
    "opportunity": {
        "opportunityid": "Id",
        "opportunityname": "Name",
        "accountname": "Account.Name",
    },
    "task": {"activityid": "Id", "taskid": "Id"},
    "event": {"activityid": "Id", "eventid": "Id"},
    "user": {"userid": "Id"},
}

_HUBSPOT_COMMON = {
    "recordid": "hs_object_id",
    "phonenumber": "phone",
    "createdate": "createdate",
    "streetaddress": "address",
    "city": "city",
    "stateregion": "state",
    "postalcode": "zip",
    "countryregion": "country",
    "lifecyclestage": "lifecyclestage",
    "associatedcompanyids": "associations.companies",
    "associatedcompanyidsprimary": "associations.companies",
    "associatedcompanyid": "associations.companies",
    "primaryassociatedcompanyid": "associations.companies",
    "associatedcontactids": "associations.contacts",
    "associateddealids": "associations.deals",
}

_HUBSPOT: dict[str, dict[str, str]] = {
    "contact": {
        "firstname": "firstname",
        "lastname": "lastname",
        "email": "email",
        "mobilephonenumber": "mobilephone",
        "jobtitle": "jobtitle",
        "companyname": "company",
        "websiteurl": "website",
        "leadstatus": "hs_lead_status",
        "dateofbirth": "date_of_birth",
        "unsubscribedfromallemail": "hs_email_optout",
        "salesforcecontactid": "salesforcecontactid",
        "salesforceleadid": "salesforceleadid",
        "salesforceaccountid": "salesforceaccountid",
        "lastmodifieddate": "lastmodifieddate",
    },
    "company": {
        "companyname": "name",
        "companydomainname": "domain",
        "websiteurl": "website",
        "industry": "industry",
        "numberofemployees": "numberofemployees",
        "annualrevenue": "annualrevenue",
        "parentcompanyid": "hs_parent_company_id",
        "salesforceaccountid": "salesforceaccountid",
        "lastmodifieddate": "hs_lastmodifieddate",
    },
    "deal": {
        "dealname": "dealname",
        "dealstage": "dealstage",
        "pipeline": "pipeline",
        "amount": "amount",
        "currency": "deal_currency_code",
        "closedate": "closedate",
        "isclosed": "hs_is_closed",
        "isclosedwon": "hs_is_closed_won",
        "salesforceopportunityid": "salesforceopportunityid",
        "lastmodifieddate": "hs_lastmodifieddate",
    },
}

OWN_FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id", "recordid", "contactid", "customerid", "externalid", "uid", "key"),
    "full_name": ("fullname", "name", "displayname", "full", "contact", "contactname"),
    "given_name": ("firstname", "first", "givenname", "forename", "vorname", "prénom", "prenom"),
    "family_name": ("lastname", "last", "familyname", "surname", "nachname", "nom"),
    "title": ("title", "jobtitle", "position", "role", "function"),
    "emails": ("email", "emailaddress", "mail", "emailvalue", "primaryemail", "workemail"),
    "phones": ("phone", "phonenumber", "telephone", "tel", "phonevalue", "mobile", "mobilephone"),
    "organisation": (
        "organisation",
        "organization",
        "org",
        "company",
        "companyname",
        "account",
        "accountname",
        "firma",
        "business",
        "businessname",
        "employer",
        "sitename",
        "organizationname",
    ),
    "domain": ("domain", "website", "web", "url", "companydomainname", "homepage"),
    "street": ("street", "streetaddress", "address", "address1", "addressline1", "strasse"),
    "city": ("city", "town", "ort", "ville"),
    "region": ("region", "state", "province", "stateregion", "stateprovince"),
    "postal_code": ("postalcode", "zip", "zipcode", "postcode", "plz"),
    "country": ("country", "countryregion", "land", "pays"),
    "birth_date": ("birthdate", "dateofbirth", "dob", "birthday"),
    "account_id": ("accountid", "companyid", "organisationid", "organizationid"),
    "status": ("status", "lifecyclestage"),
    "industry": ("industry", "branch", "sector"),
    "updated_at": (
        "updatedat",
        "modifiedat",
        "lastmodifieddate",
        "lastmodified",
        "systemmodstamp",
        "updated",
    ),
    "created_at": ("createdat", "createddate", "createdate", "created"),
}
"""Our field to the headings, squashed, under which people keep it."""

MANY = frozenset({"emails", "phones"})
"""Fields of which a row may have several."""

_OWN_BY_HEADING = {heading: field for field, known in OWN_FIELDS.items() for heading in known}
_ALIASES = {"email": "emails", "phone": "phones", "organization": "organisation"}
_NUMBERED = re.compile(r"\d+")


def salesforce_field(object_type: str, heading: str) -> str:
    """The API name that a heading stands for; an unknown one, as a custom field, stays."""
    known = squash(heading)
    special = _SALESFORCE.get(object_type, {}).get(known)
    return special or _SALESFORCE_COMMON.get(known, heading.strip())


def hubspot_property(object_type: str, heading: str) -> str:
    """The property that a label stands for; of an unknown one the name HubSpot would make."""
    known = squash(re.sub(r"\s+[-–]\s+(?:contact|company|deal)s?\Z", "", heading, flags=re.I))
    special = _HUBSPOT.get(object_type, {}).get(known) or _HUBSPOT_COMMON.get(known)
    return special or _WORD.sub("_", heading.strip().casefold()).strip("_")


def own_field(heading: str) -> str:
    """Our field that a heading probably stands for; empty where it is none we know."""
    known = squash(heading)
    return _OWN_BY_HEADING.get(known) or _OWN_BY_HEADING.get(_NUMBERED.sub("", known), "")


def own_fields(headings: list[str], mapping: Mapping[str, str]) -> list[str]:
    """Our field for each heading; what `mapping` names goes before what is guessed.

    A field of which there is one is given to the first heading alone; KeyError names a heading of
    the mapping that the file does not have, ValueError a field that we do not.
    """
    fields = [""] * len(headings)
    places = {squash(heading): place for place, heading in reversed(list(enumerate(headings)))}
    taken = set()
    for name, heading in mapping.items():
        field = _ALIASES.get(name.rstrip("0123456789"), name)
        if field not in OWN_FIELDS:
            raise ValueError(name)
        fields[places[squash(heading)]] = field
        taken.add(field)
    for place, heading in enumerate(headings):
        field = own_field(heading)
        if not fields[place] and field and (field not in taken or field in MANY - taken):
            fields[place] = field
            if field not in MANY:
                taken.add(field)
    return fields


def mapped_fields(headings: list[str], mapping: Mapping[str, str]) -> list[str]:
    """`own_fields`; ConfigurationError where the mapping names what there is not."""
    try:
        return own_fields(headings, mapping)
    except KeyError:
        present = {squash(heading) for heading in headings}
        missing = [one for one in mapping.values() if squash(one) not in present]
        raise ConfigurationError(
            f"--map names headings that the file does not have: {', '.join(missing)}"
        ) from None
    except ValueError as error:
        raise ConfigurationError(
            f"--map {error}: the fields are {', '.join(sorted(OWN_FIELDS))}"
        ) from None


def distinct(headings: list[str]) -> list[str]:
    """Every heading once: a second `Email` is `Email 2`, an empty one is named by its place."""
    seen: dict[str, int] = {}
    named = []
    for place, heading in enumerate(headings, 1):
        heading = heading.strip() or f"column {place}"
        seen[heading] = seen.get(heading, 0) + 1
        named.append(heading if seen[heading] == 1 else f"{heading} {seen[heading]}")
    return named
