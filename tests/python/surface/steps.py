"""What can be done next to one of two kernels: a name and its arguments."""

from hypothesis import strategies as st
from surface.kernel_model import MOVES, NO_END_OF_RESTARTS
from surface.orders import FORMS, SCRIPTS, STEPS, USUAL_PRIORITY

KERNELS = "ab"

sizes = st.sampled_from([1, 1, 2, 3, 4])
mostly = st.sampled_from([True, True, True, False])
rarely = st.sampled_from([False] * 4 + [True])
ways = st.sampled_from(["nowait", "once", "wait", "wait"])
any_script = st.lists(st.sampled_from(STEPS), min_size=2, max_size=5).map(tuple)
drafts = st.tuples(  # a script and a priority; None: a note
    st.one_of(*[st.sampled_from(SCRIPTS) for _ in range(4)], any_script),
    st.sampled_from([USUAL_PRIORITY] * 3 + [0, 255, None]),
)
batches = st.one_of(st.lists(drafts, min_size=2, max_size=6), st.lists(drafts, max_size=1))
launches = st.builds(
    dict,
    form=st.sampled_from(FORMS),
    restarts=st.sampled_from([0, 1, NO_END_OF_RESTARTS, NO_END_OF_RESTARTS]),
    queue_size=sizes,
    output_queue_size=sizes,
    backpressure=st.sampled_from(["block", "block", "reject", "drop"]),
    replies=st.sampled_from([True, True, False]),
)


def step(name, **arguments):
    """Name something to do to one kernel."""
    arguments = {"kernel": st.sampled_from(KERNELS)} | arguments
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


def common_steps():
    return [
        step("send", draft=drafts, how=ways, by_portal=rarely),
        step("send_batch", batch=batches, waits=mostly),
        step("send_batch", batch=batches, waits=mostly),
        step("ask", draft=drafts, waits=mostly),
        step("receive", how=ways, by_portal=rarely),
        step("receive_batch", most=st.sampled_from([1, 2, 3, 5]), waits=mostly),
        step("move", to=st.sampled_from([None] * 4 + ["deactivate"] * 3 + list(MOVES))),
        step(
            "cancel",
            which=st.sampled_from([0, 0, 0, 1, 2]),
            turns=st.sampled_from([None, *range(7)]),
        ),
        step("launch_again", options=launches, is_rash=rarely),
    ]


steps = st.one_of(
    *common_steps(),
    *common_steps(),
    step("terminate", way=st.sampled_from(["cut", "end", "drain"]), last=batches),
    step("reset", is_all=st.booleans()),
)
