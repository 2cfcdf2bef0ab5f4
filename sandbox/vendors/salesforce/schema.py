"""Objects and fields of the simulated org, as describe shows them.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference
"""

from dataclasses import dataclass, field
from typing import Any

_COMMON = (
    "Id:id CreatedDate:datetime LastModifiedDate:datetime SystemModstamp:datetime OwnerId:reference"
)
_BIN = " IsDeleted:boolean"
_PERSON = " Name:string FirstName:string LastName:string Email:email Phone:phone Title:string"
_ACTIVITY = (
    " Subject:string Description:textarea WhoId:reference WhatId:reference AccountId:reference"
    " IsArchived:boolean ActivityDate:date"
)

FIELDS = {
    "Account": _COMMON
    + _BIN
    + " MasterRecordId:reference Name:string Website:url Phone:phone Industry:picklist"
    " NumberOfEmployees:int AnnualRevenue:currency ParentId:reference Rating__c:string"
    " BillingAddress:address BillingStreet:textarea BillingCity:string BillingState:string"
    " BillingPostalCode:string BillingCountry:string Score__c:=double",
    "Contact": _COMMON
    + _BIN
    + _PERSON
    + " MasterRecordId:reference AccountId:reference MobilePhone:phone HasOptedOutOfEmail:boolean"
    " DoNotCall:boolean Birthdate:date MailingAddress:address MailingStreet:textarea"
    " MailingCity:string MailingState:string MailingPostalCode:string MailingCountry:string",
    "Lead": _COMMON
    + _BIN
    + _PERSON
    + " MasterRecordId:reference Company:string Status:picklist IsConverted:boolean"
    " ConvertedContactId:reference ConvertedAccountId:reference ConvertedOpportunityId:reference",
    "Opportunity": _COMMON
    + _BIN
    + " Name:string AccountId:reference StageName:picklist Amount:currency CloseDate:date"
    " IsClosed:boolean IsWon:boolean Probability:percent",
    "Task": _COMMON
    + _BIN
    + _ACTIVITY
    + " Status:picklist TaskSubtype:picklist CallType:picklist CallDurationInSeconds:int"
    " CallDisposition:string CompletedDateTime:datetime",
    "Event": _COMMON + _BIN + _ACTIVITY + " StartDateTime:datetime DurationInMinutes:int",
    "EmailMessage": _COMMON.replace(" OwnerId:reference", "")
    + _BIN
    + " ActivityId:reference FromAddress:email FromName:string ToAddress:string CcAddress:string"
    " BccAddress:string Subject:string TextBody:textarea HtmlBody:textarea Incoming:boolean"
    " MessageDate:datetime MessageIdentifier:string ThreadIdentifier:string Status:picklist"
    " RelatedToId:reference",
    "User": _COMMON.replace(" OwnerId:reference", "")
    + _PERSON
    + " Username:string IsActive:boolean CompanyName:string MobilePhone:phone",
}
"""`name:type`; `=type` is a formula."""

BODIES = frozenset({"TextBody", "HtmlBody", "Description"})
"""Fields so long that a page with them is shorter."""


@dataclass
class Entity:
    """An sObject: field to type, and which of them are formulas."""

    name: str
    types: dict[str, str]
    formulas: set[str] = field(default_factory=set)
    replicated: bool = True
    """Whether its deletions can be asked for."""

    def describe(self) -> dict[str, Any]:
        """As the resource `describe` gives it, of what a client needs."""
        return {
            "name": self.name,
            "queryable": True,
            "replicateable": self.replicated,
            "deletable": self.name != "User",
            "fields": [
                {
                    "name": name,
                    "type": kind,
                    "calculated": name in self.formulas,
                    "compoundFieldName": compound_of(name, self.types),
                    "nillable": name not in ("Id", "SystemModstamp"),
                }
                for name, kind in self.types.items()
            ],
        }


def compound_of(name: str, types: dict[str, str]) -> str | None:
    """The compound field that a field is a part of."""
    for prefix in ("Billing", "Mailing"):
        if name.startswith(prefix) and f"{prefix}Address" in types and name != f"{prefix}Address":
            return f"{prefix}Address"
    if name in ("FirstName", "LastName") and "Name" in types:
        return "Name"
    return None


def entities() -> dict[str, Entity]:
    """All of them, fresh: fields come and go while the org is run."""
    made = {}
    for name, fields in FIELDS.items():
        pairs = [one.split(":") for one in fields.split()]
        types = {field_name: kind.lstrip("=") for field_name, kind in pairs}
        formulas = {field_name for field_name, kind in pairs if kind.startswith("=")}
        made[name] = Entity(name, types, formulas)
    return made
