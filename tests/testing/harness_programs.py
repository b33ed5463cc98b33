"""A program that harnesses drive."""

from sage_local import FunctionContext, KeyedProcessFunction, ValueStateDescriptor


class Numbered(KeyedProcessFunction):
    """Each record with how many its key has had; timers of both times, 100 ms after the record."""

    def open(self, context: FunctionContext) -> None:
        self.number = context.state(ValueStateDescriptor("number", 0))
        self.place = context.subtask_index, context.parallelism

    def process(self, value, ctx):
        self.number.update(self.number.value() + 1)
        if ctx.timestamp is not None:
            ctx.timers.register_event_time_timer(ctx.timestamp + 100)
        ctx.timers.register_processing_time_timer(ctx.timers.current_processing_time + 100)
        yield value, self.number.value()

    def on_timer(self, timestamp, ctx):
        yield ctx.key, ctx.time_domain.name, timestamp


def numbered(stream):
    return stream.key_by(lambda value: value).process(Numbered())
