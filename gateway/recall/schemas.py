"""What is told of a recall, and how it is answered."""

from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from gateway.instants import precise
from gateway.json_body import loaded
from gateway.recall.model import Answer, Ground, Recall, RecallState
from gateway.strict_json import JsonValue

MAX_BYTES: Final = 4 * 1024


class RecallSchema(Schema):
    """One recall; the answer is absent until there is one."""

    recall_id = fields.UUID(required=True)
    case_ref = fields.UUID()
    extracts = fields.List(fields.UUID(), required=True)
    code = fields.String(required=True)
    ask = fields.List(fields.String(), required=True)
    raised_at = fields.DateTime(required=True)
    due_on = fields.Date(required=True)
    state = fields.String(required=True, validate=validate.OneOf([state.value for state in RecallState]))
    answer = fields.String()


class RecallsSchema(Schema):
    """An agency's recalls."""

    recalls = fields.List(fields.Nested(RecallSchema), required=True)


class StatusSchema(Schema):
    """What a copy is now."""

    extract_id = fields.UUID(required=True)
    status = fields.String(required=True)
    checked_at = fields.DateTime(required=True)
    valid_until = fields.DateTime(required=True)
    signature = fields.String(required=True, metadata={"description": "JWS, type extract-status+jwt"})


class _Closed(Schema):
    class Meta:
        unknown = RAISE


class AnswerSchema(_Closed):
    """What an agency did with its copies."""

    answer = fields.String(required=True, validate=validate.OneOf([answer.value for answer in Answer]))
    ground = fields.String(validate=validate.OneOf([ground.value for ground in Ground]))

    @validates_schema(skip_on_field_errors=True)
    def check_ground(self, data: dict[str, Any], **_kwargs: object) -> None:
        """A copy is kept on a ground, and on nothing but a ground."""
        if (data["answer"] == Answer.RETAINED) != ("ground" in data):
            raise ValidationError("A ground is needed for retained, and for nothing else.", "ground")


def read_answer(document: JsonValue) -> tuple[Answer, Ground | None]:
    """Check one answer.

    Raises: FaultyAnswerError, with every fault; none of them repeats what was sent.
    """
    said = loaded(document, AnswerSchema())
    ground = said.get("ground")
    return Answer(said["answer"]), None if ground is None else Ground(ground)


def rendered(recall: Recall, *, code: str, ask: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return a recall as its agency is told it: which copies, until when; not why, not about whom."""
    told: dict[str, JsonValue] = {
        "recall_id": str(recall.recall_id),
        "extracts": [str(each) for each in recall.extracts],
        "code": code,
        "ask": [*ask],
        "raised_at": precise(recall.raised_at),
        "due_on": recall.due_on.isoformat(),
        "state": recall.state.value,
    }
    if recall.case_ref is not None:
        told["case_ref"] = str(recall.case_ref)
    if recall.answer is not None:
        told["answer"] = recall.answer.value
    return told
