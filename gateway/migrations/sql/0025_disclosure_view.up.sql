-- What a member of staff looks for in the disclosure log, under a name of their own. It is theirs alone.
CREATE TABLE gateway.disclosure_view (
    view_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    staff_id uuid NOT NULL REFERENCES gateway.staff,
    name     text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 60),
    wanted   jsonb NOT NULL CHECK (jsonb_typeof(wanted) = 'object'), -- codes and days, as the form has them
    saved_at timestamptz NOT NULL,
    UNIQUE (staff_id, name)
);
GRANT SELECT, INSERT, DELETE, UPDATE (wanted, saved_at) ON gateway.disclosure_view TO gateway_app;
