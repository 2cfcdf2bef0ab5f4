-- What is written, in rows and bytes: one row a table and day (UTC), of the last 7 days.
-- Rules: bytes are what BigQuery calls logical bytes, worked out from the columns: 8 for a number
-- or a time, 1 for a BOOL, 2 and the length for a text, a null as an empty one. Of tables by
-- partition only those of the last 30 days are read: older mails that are filled back
-- now are left out. Made by warehouse/cost.py.
WITH sizes AS (
  SELECT
    'raw.changes' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    83 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      operation,
      message_id,
      content_type,
      dataref
    ], '')) + BYTE_LENGTH(payload) AS row_bytes
  FROM `raw.changes`
  WHERE
    publish_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'raw.duplicates' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    38 + BYTE_LENGTH(ARRAY_TO_STRING([
      message_id,
      change_id,
      source
    ], '')) AS row_bytes
  FROM `raw.duplicates`
  WHERE
    publish_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.people' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    103 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      given_name,
      family_name,
      full_name,
      title,
      ARRAY_TO_STRING(emails, '  '),
      ARRAY_TO_STRING(phones, '  '),
      organisation,
      account_key,
      owner_key,
      ARRAY_TO_STRING(linked_keys, '  '),
      street,
      city,
      region,
      postal_code,
      country,
      status,
      TO_JSON_STRING(extra)
    ], '')) AS row_bytes
  FROM `sales.people`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.accounts' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    107 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      name,
      ARRAY_TO_STRING(domains, '  '),
      ARRAY_TO_STRING(phones, '  '),
      street,
      city,
      region,
      postal_code,
      country,
      industry,
      owner_key,
      parent_key,
      ARRAY_TO_STRING(linked_keys, '  '),
      TO_JSON_STRING(extra)
    ], '')) AS row_bytes
  FROM `sales.accounts`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.deals' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    99 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      name,
      account_key,
      ARRAY_TO_STRING(person_keys, '  '),
      stage,
      currency,
      owner_key,
      ARRAY_TO_STRING(linked_keys, '  '),
      TO_JSON_STRING(extra)
    ], '')) AS row_bytes
  FROM `sales.deals`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.interactions' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    123 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      interaction_id,
      part,
      kind,
      direction,
      thread_id,
      message_id_header,
      in_reply_to,
      subject,
      snippet,
      mailbox,
      ARRAY_TO_STRING(labels, '  '),
      ARRAY_TO_STRING(attachment_names, '  '),
      outcome,
      our_number,
      owner_key,
      ARRAY_TO_STRING(person_keys, '  '),
      ARRAY_TO_STRING(account_keys, '  '),
      ARRAY_TO_STRING(deal_keys, '  '),
      ARRAY_TO_STRING(defects, '  '),
      TO_JSON_STRING(extra)
    ], '')) AS row_bytes
  FROM `sales.interactions`
  WHERE
    event_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.participants' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    87 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      interaction_id,
      role,
      participant_key,
      email,
      phone,
      display_name
    ], '')) AS row_bytes
  FROM `sales.participants`
  WHERE
    event_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.records' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    33 + BYTE_LENGTH(ARRAY_TO_STRING([
      record_key,
      kind,
      version_digest,
      TO_JSON_STRING(record)
    ], '')) AS row_bytes
  FROM `identity.records`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.links' AS table_id,
    DATE(resolved_at) AS day,
    resolved_at AS written,
    33 + BYTE_LENGTH(ARRAY_TO_STRING([
      record_key,
      kind,
      entity_id,
      method
    ], '')) AS row_bytes
  FROM `identity.links`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), resolved_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.entities' AS table_id,
    DATE(resolved_at) AS day,
    resolved_at AS written,
    49 + BYTE_LENGTH(ARRAY_TO_STRING([
      entity_id,
      kind,
      display_name,
      primary_email,
      primary_domain,
      account_entity_id,
      successor_id
    ], '')) AS row_bytes
  FROM `identity.entities`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), resolved_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.changes' AS table_id,
    DATE(resolved_at) AS day,
    resolved_at AS written,
    26 + BYTE_LENGTH(ARRAY_TO_STRING([
      entity_id,
      kind,
      what,
      ARRAY_TO_STRING(other_ids, '  '),
      reason
    ], '')) AS row_bytes
  FROM `identity.changes`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), resolved_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.dead_letters' AS table_id,
    DATE(failed_at) AS day,
    failed_at AS written,
    73 + BYTE_LENGTH(ARRAY_TO_STRING([
      dead_letter_id,
      stage,
      error_type,
      error_message,
      stack_trace,
      source,
      object_type,
      object_id,
      change_id,
      message_id,
      job_name,
      topic,
      TO_JSON_STRING(attributes),
      payload_uri,
      table_id
    ], '')) + BYTE_LENGTH(payload) AS row_bytes
  FROM `ops.dead_letters`
  WHERE
    failed_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), failed_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.runs' AS table_id,
    DATE(noted_at) AS day,
    noted_at AS written,
    58 + BYTE_LENGTH(ARRAY_TO_STRING([
      run_id,
      command,
      status,
      TO_JSON_STRING(detail),
      error_message
    ], '')) AS row_bytes
  FROM `ops.runs`
  WHERE
    noted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), noted_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.enrollments' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    94 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      enrollment_id,
      part,
      person_key,
      sequence_id,
      sequence_name,
      end_reason,
      enrolled_by,
      enrolled_by_email,
      to_email,
      TO_JSON_STRING(extra)
    ], '')) AS row_bytes
  FROM `sales.enrollments`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.schema_changes' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    83 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      object_name,
      field,
      event,
      type_before,
      type_after
    ], '')) AS row_bytes
  FROM `ops.schema_changes`
  WHERE
    noticed_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.source_counts' AS table_id,
    DATE(counted_at) AS day,
    counted_at AS written,
    48 + BYTE_LENGTH(ARRAY_TO_STRING([
      source,
      object_type,
      method,
      run_id
    ], '')) AS row_bytes
  FROM `ops.source_counts`
  WHERE
    counted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), counted_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.overrides' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    40 + BYTE_LENGTH(ARRAY_TO_STRING([
      left_key,
      right_key,
      verdict,
      decided_by,
      asked_left,
      asked_right,
      decision_id,
      message_id
    ], '')) AS row_bytes
  FROM `identity.overrides`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.erasures' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    43 + BYTE_LENGTH(ARRAY_TO_STRING([
      erasure_id,
      ARRAY_TO_STRING(marks, '  '),
      asked_by,
      reason,
      message_id
    ], '')) AS row_bytes
  FROM `ops.erasures`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.quality' AS table_id,
    DATE(checked_at) AS day,
    checked_at AS written,
    63 + BYTE_LENGTH(ARRAY_TO_STRING([
      run_id,
      rule_id,
      table_id,
      measure,
      severity,
      ARRAY_TO_STRING(sample, '  '),
      message
    ], '')) AS row_bytes
  FROM `ops.quality`
  WHERE
    checked_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), checked_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.audit' AS table_id,
    DATE(noted_at) AS day,
    noted_at AS written,
    44 + BYTE_LENGTH(ARRAY_TO_STRING([
      audit_id,
      command,
      actor,
      TO_JSON_STRING(parameters),
      outcome,
      error_type
    ], '')) AS row_bytes
  FROM `ops.audit`
  WHERE
    noted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), noted_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.bodies' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    73 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      interaction_id,
      part,
      mailbox,
      body
    ], '')) AS row_bytes
  FROM `sales.bodies`
  WHERE
    event_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'sales.transcripts' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    73 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source,
      object_type,
      object_id,
      record_key,
      successor_key,
      version_digest,
      lane,
      interaction_id,
      part,
      transcript,
      TO_JSON_STRING(lines)
    ], '')) AS row_bytes
  FROM `sales.transcripts`
  WHERE
    event_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.readers' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    23 + BYTE_LENGTH(ARRAY_TO_STRING([
      reader,
      mailbox,
      granted_by
    ], '')) AS row_bytes
  FROM `ops.readers`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.evidence' AS table_id,
    DATE(resolved_at) AS day,
    resolved_at AS written,
    37 + BYTE_LENGTH(ARRAY_TO_STRING([
      left_key,
      right_key,
      kind,
      entity_id,
      method,
      TO_JSON_STRING(fields)
    ], '')) AS row_bytes
  FROM `identity.evidence`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), resolved_at, SECOND) < 604800
  UNION ALL
  SELECT
    'identity.candidates' AS table_id,
    DATE(resolved_at) AS day,
    resolved_at AS written,
    37 + BYTE_LENGTH(ARRAY_TO_STRING([
      left_key,
      right_key,
      kind,
      left_entity_id,
      right_entity_id,
      why
    ], '')) AS row_bytes
  FROM `identity.candidates`
  WHERE
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), resolved_at, SECOND) < 604800
  UNION ALL
  SELECT
    'ops.replays' AS table_id,
    DATE(written_at) AS day,
    written_at AS written,
    28 + BYTE_LENGTH(ARRAY_TO_STRING([
      change_id,
      source
    ], '')) AS row_bytes
  FROM `ops.replays`
  WHERE
    written_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    AND TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), written_at, SECOND) < 604800
)
SELECT
  day,
  table_id,
  COUNT(*) AS row_count,
  SUM(row_bytes) AS bytes,
  ROUND(AVG(row_bytes)) AS bytes_a_row,
  MAX(written) AS newest_written
FROM sizes
GROUP BY day, table_id
