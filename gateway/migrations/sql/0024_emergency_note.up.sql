-- What was typed on the emergency page. No record could be read then, so a note is of no family until its author makes
-- a referral of it; then its words go from here. No foreign key: a note is never refused.
CREATE TABLE gateway.emergency_note (
    note_id     uuid PRIMARY KEY,
    staff_id    uuid NOT NULL,             -- its author
    typed_at    timestamptz NOT NULL,      -- by the clock of the node that kept it
    received_at timestamptz NOT NULL,
    sealed      bytea,                     -- to a key that no node has; absent: taken
    draft       bytea,                     -- opened, and sealed again under the reserved family's key
    opened_at   timestamptz,
    taken_at    timestamptz,               -- its author made a referral of it
    CHECK ((sealed IS NULL) = (taken_at IS NOT NULL)),
    CHECK ((draft IS NOT NULL) = (opened_at IS NOT NULL AND taken_at IS NULL)),
    CHECK (taken_at IS NULL OR opened_at IS NOT NULL)
);
CREATE INDEX emergency_note_waiting ON gateway.emergency_note (staff_id) WHERE taken_at IS NULL;
GRANT SELECT, INSERT (note_id, staff_id, typed_at, received_at, sealed),
    UPDATE (sealed, draft, opened_at, taken_at) ON gateway.emergency_note TO gateway_app;
