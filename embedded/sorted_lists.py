"""A rule for the embedded warehouse: lists in an order, made by sorting each list once it is whole.

DuckDB sorts within an aggregate at a cost of some microseconds a row, many times that of the rest
of the query where groups are many and small, as the people of an interaction are. `ARRAY_AGG(x
ORDER BY k)` and `STRING_AGG(x, s ORDER BY k)` become a list of (k, x), sorted as a value: the same
list, in a third of the time. What is ordered in two directions, distinct, or a window stays as it
is.
"""

from bqemulator.sql.rules._base import TranslationRule
from sqlglot import exp

KEY, VALUE = "k", "v"


class SortedListRule(TranslationRule):
    """Rewrites what sqlglot has translated to DuckDB's SQL."""

    name = "SORTED_LIST"

    def applies_to(self, node: exp.Expression) -> bool:
        """Whether the node is such an aggregate, with its FILTER where it has one."""
        aggregate = node.this if isinstance(node, exp.Filter) else node
        if not isinstance(aggregate, exp.ArrayAgg | exp.GroupConcat):
            return False
        order = aggregate.this
        if not isinstance(order, exp.Order) or isinstance(order.this, exp.Distinct):
            return False
        # Of one with a FILTER both are visited; only the outer is replaced.
        if isinstance(node.parent, exp.Window | exp.Filter | exp.IgnoreNulls | exp.WithinGroup):
            return False
        down = {bool(one.args.get("desc")) for one in order.expressions}
        nulls = {bool(one.args.get("nulls_first")) for one in order.expressions}
        return len(down) == 1 and nulls == {not down.pop()}

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        """The sorted list, or its text."""
        aggregate = node.this if isinstance(node, exp.Filter) else node
        order = aggregate.this
        value = order.this
        fields = []
        for number, one in enumerate(order.expressions):
            # BigQuery puts nulls before everything; in a struct DuckDB puts them after.
            known = exp.Not(this=exp.Is(this=one.this.copy(), expression=exp.Null()))
            fields += [(f"{KEY}{number}_known", known), (f"{KEY}{number}", one.this.copy())]
        fields.append((VALUE, value.copy()))
        pairs = [
            exp.PropertyEQ(this=exp.to_identifier(name), expression=field) for name, field in fields
        ]
        rows: exp.Expression = exp.ArrayAgg(this=exp.Struct(expressions=pairs))
        conditions = [node.expression.this.copy()] if isinstance(node, exp.Filter) else []
        is_text = isinstance(aggregate, exp.GroupConcat)
        if is_text:
            conditions.append(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
        if conditions:
            rows = exp.Filter(this=rows, expression=exp.Where(this=exp.and_(*conditions)))
        falls = order.expressions[0].args.get("desc")
        ordered = exp.func("LIST_REVERSE_SORT" if falls else "LIST_SORT", rows)
        taken = exp.Lambda(
            this=exp.Dot(this=exp.to_identifier("e"), expression=exp.to_identifier(VALUE)),
            expressions=[exp.to_identifier("e")],
        )
        values = exp.Anonymous(this="LIST_TRANSFORM", expressions=[ordered, taken])
        if not is_text:
            return values
        separator = aggregate.args.get("separator") or exp.Literal.string(",")
        return exp.Anonymous(this="ARRAY_TO_STRING", expressions=[values, separator.copy()])
