-- Who is or was in which sequence: one row an enrolment, newest first. Times are UTC.
-- Rules: each column comes from the newest part that has it. Only the newest version of a person
-- tells whether it is still enrolled: of an enrolment that ended unseen is_active is null.
-- Enrolments of people deleted at their source are left out; those of one merged away are its
-- survivor's. do_not_contact: the person must not be contacted, or has opted out of mail
-- (sales.consent), and yet stands here, as what was done stays done: an active enrolment of theirs
-- is to be ended.
WITH parts AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY enrollment_id
      ORDER BY
        version_stamp, version_fetched, version_digest, pipeline_version, written_at, part
    ) AS age
  FROM (
    SELECT *
    FROM `sales.enrollments`
    WHERE NOT is_deleted
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY enrollment_id, part
      ORDER BY
        version_stamp DESC, version_fetched DESC, version_digest DESC, pipeline_version DESC,
        written_at DESC
    ) = 1
  )
),
folded AS (
  SELECT
    enrollment_id,
    ANY_VALUE(person_key) AS person_key,
    ANY_VALUE(sequence_id) AS sequence_id,
    ANY_VALUE(enrolled_at) AS enrolled_at,
    ANY_VALUE(sequence_name HAVING MAX IF(sequence_name IS NULL, NULL, age)) AS sequence_name,
    ANY_VALUE(is_active HAVING MAX IF(is_active IS NULL, NULL, age)) AS is_active,
    ANY_VALUE(change_id HAVING MAX IF(part = 'status', age, NULL)) AS status_change_id,
    ANY_VALUE(ended_at HAVING MAX IF(ended_at IS NULL, NULL, age)) AS ended_at,
    ANY_VALUE(end_reason HAVING MAX IF(end_reason IS NULL, NULL, age)) AS end_reason,
    ANY_VALUE(enrolled_by HAVING MAX IF(enrolled_by IS NULL, NULL, age)) AS enrolled_by,
    ANY_VALUE(
      enrolled_by_email HAVING MAX IF(enrolled_by_email IS NULL, NULL, age)
    ) AS enrolled_by_email,
    ANY_VALUE(to_email HAVING MAX IF(to_email IS NULL, NULL, age)) AS to_email
  FROM parts
  GROUP BY enrollment_id
)
SELECT
  folded.enrolled_at,
  folded.sequence_name,
  COALESCE(entity.display_name, person.full_name) AS person_name,
  IF(
    folded.is_active AND COALESCE(person.change_id, '') != folded.status_change_id,
    NULL,
    folded.is_active
  ) AS is_active,
  COALESCE(consent.do_not_contact OR consent.email_opt_out, FALSE) AS do_not_contact,
  folded.ended_at,
  folded.end_reason,
  folded.enrolled_by_email,
  folded.to_email,
  folded.sequence_id,
  folded.enrolled_by,
  COALESCE(merged.survivor_key, folded.person_key) AS person_key,
  resolved.entity_id AS person_entity_id,
  folded.enrollment_id
FROM folded
LEFT JOIN `sales.people_latest` AS person ON person.record_key = folded.person_key
LEFT JOIN `identity.merged_keys` AS merged ON merged.record_key = folded.person_key
LEFT JOIN `identity.resolved_keys` AS resolved ON resolved.record_key = folded.person_key
LEFT JOIN `identity.entities_latest` AS entity ON entity.entity_id = resolved.entity_id
LEFT JOIN `sales.consent` AS consent ON consent.entity_id = resolved.entity_id
WHERE person.record_key IS NOT NULL OR merged.survivor_key IS NOT NULL
