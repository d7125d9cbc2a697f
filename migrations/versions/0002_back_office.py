"""What the back office needs: its activity log, grants, reasons of refunds, the jobs' last runs, and indexes.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.db import engines

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

INDEXES = (
    ("ix_invoices_state_id", "invoices", ["state", "id"]),
    ("ix_invoices_reason_id", "invoices", ["reason", "id"]),
    ("ix_invoices_plan_id_id", "invoices", ["plan_id", "id"]),
    ("ix_payments_state_id", "payments", ["state", "id"]),
    ("ix_payments_provider_id", "payments", ["provider", "id"]),
    ("ix_payment_methods_customer_ref", "payment_methods", ["customer_ref"]),
    ("ix_refunds_state_id", "refunds", ["state", "id"]),
    ("ix_refunds_reason_id", "refunds", ["reason", "id"]),
    ("ix_refunds_user_id", "refunds", ["user_id"]),
    ("ix_refunds_provider_ref", "refunds", ["provider_ref"]),
    ("ix_subscriptions_state_id", "subscriptions", ["state", "id"]),
    ("ix_subscriptions_plan_id_id", "subscriptions", ["plan_id", "id"]),
    ("ix_users_first_subscribed_at_id", "users", ["first_subscribed_at", "id"]),
    ("ix_users_email", "users", ["email"]),
    ("ix_history_at_seq", "history", ["at", "seq"]),
    ("ix_inbox_state_seq", "inbox", ["state", "seq"]),
    ("ix_inbox_user_id_seq", "inbox", ["user_id", "seq"]),
)
# Those few rows that somebody has to look at.
PARTIAL = (
    ("ix_payments_in_review", "payments", "review_at IS NOT NULL"),
    ("ix_subscriptions_parked", "subscriptions", "parked_at IS NOT NULL"),
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    create_tables()
    run(engines.append_only(dialect, "activity"))
    # A price that nobody bought at may go with its plan; foreign keys keep the others.
    run(engines.no_longer_append_only(dialect, "prices"))
    run(engines.never_changed(dialect, "prices"))
    op.add_column("refunds", sa.Column("grounds", sa.String(24), nullable=True))
    op.add_column("inbox", sa.Column("kind_of_subject", sa.String(16), nullable=True))
    op.add_column("inbox", sa.Column("subject_id", sa.Uuid(), nullable=True))
    with op.batch_alter_table("inbox") as inbox:
        inbox.add_column(sa.Column("user_id", sa.String(255), nullable=True))
        inbox.create_foreign_key("fk_inbox_user_id", "users", ["user_id"], ["id"])
    open_periods()
    run(engines.no_overlap(dialect))  # SQLite made the table anew, and its triggers went with the old one
    op.drop_index("ix_users_first_subscribed_at", "users")
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    for name, table, where in PARTIAL:
        some = sa.text(where)
        op.create_index(name, table, ["id"], postgresql_where=some, sqlite_where=some)


def create_tables() -> None:
    op.create_table(
        "activity",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=True),
        sa.Column("reason", sa.String(32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("before", JSON, nullable=False),
        sa.Column("after", JSON, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_activity_user_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_activity"),
        sa.UniqueConstraint("id", name="uq_activity_id"),
    )
    op.create_index("ix_activity_operator_seq", "activity", ["operator", "seq"])
    op.create_index("ix_activity_kind_subject_id", "activity", ["kind", "subject_id"])
    op.create_index("ix_activity_user_id_seq", "activity", ["user_id", "seq"])
    op.create_table(
        "job_runs",
        sa.Column("job", sa.String(32), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", name="pk_job_runs"),
    )


def open_periods() -> None:
    """Time may also come from a grant."""
    with op.batch_alter_table("periods") as periods:
        periods.alter_column("invoice_id", existing_type=sa.Uuid(), nullable=True)
        periods.add_column(sa.Column("act_id", sa.Uuid(), nullable=True))
        periods.create_foreign_key("fk_periods_act_id", "activity", ["act_id"], ["id"])
        periods.create_unique_constraint("uq_periods_act_id", ["act_id"])
        periods.create_check_constraint(op.f("ck_periods_paid_or_granted"), "(invoice_id IS NULL) <> (act_id IS NULL)")


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for name, table, _ in reversed((*INDEXES, *PARTIAL)):
        op.drop_index(name, table)
    op.create_index("ix_users_first_subscribed_at", "users", ["first_subscribed_at"])
    with op.batch_alter_table("periods") as periods:
        periods.drop_constraint(op.f("ck_periods_paid_or_granted"), type_="check")
        periods.drop_constraint("uq_periods_act_id", type_="unique")
        periods.drop_constraint("fk_periods_act_id", type_="foreignkey")
        periods.drop_column("act_id")
        periods.alter_column("invoice_id", existing_type=sa.Uuid(), nullable=False)
    run(engines.no_overlap(dialect))
    with op.batch_alter_table("inbox") as inbox:
        inbox.drop_constraint("fk_inbox_user_id", type_="foreignkey")
        inbox.drop_column("user_id")
    op.drop_column("inbox", "subject_id")
    op.drop_column("inbox", "kind_of_subject")
    op.drop_column("refunds", "grounds")
    run(engines.may_change(dialect, "prices"))
    run(engines.append_only(dialect, "prices"))
    op.drop_table("job_runs")
    op.drop_table("activity")


def run(statements: list[str]) -> None:
    for statement in statements:
        op.execute(statement)
