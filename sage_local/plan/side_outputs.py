"""Which operators write to which side outputs, as far as that can be told without running them."""

from sage_local.functions.output_tag import OutputTag
from sage_local.plan.graph import LogicalGraph
from sage_local.plan.operators import Connected, Operator, Process, Window, Windowed
from sage_local.plan.physical import SideTag


def may_write(operator: Operator, tag: str) -> bool:
    """Whether ``operator`` declares the side output ``tag``, or has a function that may yield to any."""
    if isinstance(operator, Windowed) and operator.function is not None:
        return True
    return isinstance(operator, Process | Connected) or tag in declared(operator)


def declared(operator: Operator) -> tuple[str, ...]:
    """The side outputs that ``operator`` writes to by how it was declared."""
    tags = [operator.on_error.name] if isinstance(operator.on_error, OutputTag) else []
    if isinstance(operator, Window) and operator.late_tag is not None:
        tags.append(operator.late_tag)
    return tuple(tags)


def unread(graph: LogicalGraph) -> tuple[SideTag, ...]:
    """Declared side outputs that no run of the program reads: what is written there is dropped."""
    read = {(source.node, source.tag) for node in graph.nodes for source in node.inputs}
    return tuple(
        SideTag(node.operator.name, tag)
        for node in graph.nodes
        for tag in declared(node.operator)
        if (node.id, tag) not in read and tag not in node.operator.read_tags
    )
