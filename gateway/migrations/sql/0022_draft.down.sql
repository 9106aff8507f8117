DROP TRIGGER no_author_approves ON gateway.approval;
DROP FUNCTION gateway.refuse_author();
DROP TABLE gateway.profile_author;
DROP TABLE gateway.profile_draft;
