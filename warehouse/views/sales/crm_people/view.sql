-- Who is known in a CRM: one row a person entity. Rule: a contact, lead or user of Salesforce,
-- HubSpot or an import; one such living record in the entity is enough.
SELECT DISTINCT link.entity_id
FROM `sales.people_latest` AS person
JOIN `identity.links_latest` AS link ON link.record_key = person.record_key
WHERE
  person.source IN ('salesforce', 'hubspot', 'files')
  AND person.object_type IN ('contact', 'lead', 'user')
  AND link.entity_id IS NOT NULL
