//! The mailbox of kernels whose messages are records.

use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::clock::MockClock;
use super::ledger::open_ledger;
use super::message::{self, ACCEPTED, ErrorReply, FULL};
use super::records;
use super::snapshot::{Snapshot, known_state};
use crate::mailbox::{
    self, Busy, CollectRecords, End, NoRoom, Put, RecordMailboxOptions, Take, Waits,
};
use crate::ring::{Shape, ShapeError};
use crate::segment::Segment;

create_exception!(
    pydotcompute._core,
    BusyError,
    PyException,
    "Another thread is using this end of the mailbox now; nothing was moved or counted."
);

create_exception!(
    pydotcompute._core,
    ClosedError,
    PyException,
    "This queue takes nothing any more."
);

/// Two bounded queues of records of one kernel and the record that counts what passes them.
///
/// Records are bytes: arrays, or whatever else exports a contiguous buffer of whole ones
/// (ValueError or BufferError otherwise). No call waits. It has three ends: `offer()`; `collect()`;
/// and `take()`, `reply()`, `fail()`. Each may be used from any thread, by one at a time (BusyError
/// otherwise); what opens or closes an end waits its turn. Without telemetry nothing is counted.
#[pyclass(module = "pydotcompute._core", frozen, weakref)]
#[derive(Debug)]
pub(crate) struct RecordMailbox {
    mailbox: Arc<mailbox::RecordMailbox>,
    input_bytes: usize,
    output_bytes: usize,
}

impl RecordMailbox {
    /// What a worker shares with it.
    pub(super) fn shared(&self) -> Arc<mailbox::RecordMailbox> {
        Arc::clone(&self.mailbox)
    }
}

#[pymethods]
impl RecordMailbox {
    /// A paused mailbox of a launched kernel; `input_bytes` and `output_bytes` are the sizes of a
    /// message and of a reply, 1 to 2**20, and queues hold 1 to 2**24 of them (ValueError
    /// otherwise; MemoryError where there is no memory for them). The rest is as for ObjectMailbox.
    #[new]
    #[pyo3(signature = (kernel_id, *, input_bytes, output_bytes, queue_size, output_queue_size,
        replies = true, telemetry = true, latency = true, generation = 0, first_count = 0,
        clock = None))]
    #[allow(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "keyword-only options of one constructor"
    )]
    fn new(
        kernel_id: &str,
        input_bytes: usize,
        output_bytes: usize,
        queue_size: usize,
        output_queue_size: usize,
        replies: bool,
        telemetry: bool,
        latency: bool,
        generation: u64,
        first_count: u64,
        clock: Option<&Bound<'_, MockClock>>,
    ) -> PyResult<Self> {
        let ledger = telemetry
            .then(|| open_ledger(kernel_id, latency, generation, first_count, clock))
            .transpose()?;
        let options = RecordMailboxOptions {
            input: Shape::new(input_bytes, queue_size).map_err(wrong_shape)?,
            output: Shape::new(output_bytes, output_queue_size).map_err(wrong_shape)?,
            replies,
        };
        let waits = Waits::for_this_machine();
        let mailbox = mailbox::RecordMailbox::new(options, ledger, &Segment::Heap, &waits);
        Ok(Self {
            mailbox: Arc::new(mailbox.map_err(no_room)?),
            input_bytes,
            output_bytes,
        })
    }

    /// Put records into the input queue, the first ones first; for how many there was room.
    /// `refuse`: each of the others counts as a rejected send. ClosedError, BusyError.
    #[pyo3(signature = (records, *, refuse = false))]
    fn offer(&self, records: &Bound<'_, PyAny>, refuse: bool) -> PyResult<usize> {
        let offer = |bytes: &[u8]| self.mailbox.offer(bytes, refuse);
        accepted(records::look(records, self.input_bytes, offer)?)
    }

    /// Fill `into` with the kernel's next messages: how many there were, EMPTY or END. Asking ends
    /// the messages in flight; `again` tries once more what was asked for already, and ends none.
    /// BusyError.
    #[pyo3(signature = (into, *, again = false))]
    fn take(&self, into: &Bound<'_, PyAny>, again: bool) -> PyResult<Py<PyAny>> {
        let py = into.py();
        let taken = records::fill(into, self.input_bytes, |bytes| {
            if again {
                self.mailbox.take_again(bytes)
            } else {
                self.mailbox.take(bytes)
            }
        });
        match taken?.map_err(busy)? {
            Take::Message(count) => Ok(count.into_pyobject(py)?.into_any().unbind()),
            Take::Empty => message::empty(py),
            Take::End => message::end(py),
        }
    }

    /// Put replies into the output queue, the first ones first; for how many there was room.
    /// ClosedError, BusyError.
    fn reply(&self, records: &Bound<'_, PyAny>) -> PyResult<usize> {
        let reply = |bytes: &[u8]| self.mailbox.reply(bytes);
        accepted(records::look(records, self.output_bytes, reply)?)
    }

    /// Put the error `code` in the place of a reply: ACCEPTED or FULL. `counted`: the error is among
    /// the errors already. ClosedError, BusyError.
    #[pyo3(signature = (code, *, counted = false))]
    fn fail(&self, code: i32, counted: bool) -> PyResult<u8> {
        let put = accepted(self.mailbox.fail(code, counted))?;
        Ok(if put == 1 { ACCEPTED } else { FULL })
    }

    /// Fill `into` with the oldest replies: how many there were, an ErrorReply with the code where
    /// an error comes first, or EMPTY. Replies from behind an error stay. BusyError.
    fn collect(&self, into: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = into.py();
        let collected = records::fill(into, self.output_bytes, |bytes| self.mailbox.collect(bytes));
        match collected?.map_err(busy)? {
            CollectRecords::Replies(count) => Ok(count.into_pyobject(py)?.into_any().unbind()),
            CollectRecords::Error(code) => {
                let code = code.into_pyobject(py)?.into_any().unbind();
                Ok(Py::new(py, ErrorReply::from(code))?.into_any())
            }
            CollectRecords::Empty => message::empty(py),
        }
    }

    /// Count an error and mark the oldest unmarked message in flight. BusyError.
    fn record_error(&self) -> PyResult<()> {
        self.mailbox.record_error().map_err(busy)
    }

    /// The kernel returned or met the end of its input; how many messages were discarded.
    fn end_returned(&self) -> u64 {
        self.mailbox.end(End::Returned)
    }

    /// An exception left the kernel; how many messages were discarded. `counted`: the exception is
    /// among the errors already.
    #[pyo3(signature = (*, counted = false))]
    fn end_raised(&self, counted: bool) -> u64 {
        self.mailbox.end(End::Raised { counted })
    }

    /// The kernel was cancelled; how many messages were discarded.
    fn end_cancelled(&self) -> u64 {
        self.mailbox.end(End::Cancelled)
    }

    /// An exception left the kernel, whose code starts again on the same queues; how many messages
    /// were discarded. `counted`: the exception is among the errors already.
    #[pyo3(signature = (*, counted = false))]
    fn restart(&self, counted: bool) -> u64 {
        self.mailbox.restart(counted)
    }

    /// Throw the replies nobody collected away; how many there were.
    fn discard_replies(&self) -> u64 {
        self.mailbox.discard_replies()
    }

    /// Hand out no messages until `resume()`.
    fn pause(&self) {
        self.mailbox.pause();
    }

    /// Hand out messages.
    fn resume(&self) {
        self.mailbox.resume();
    }

    /// Accept no more messages; those queued are still handed out, then END.
    fn close_input(&self) {
        self.mailbox.close_input();
    }

    /// Accept no more replies; those made can still be collected.
    fn close_output(&self) {
        self.mailbox.close_output();
    }

    /// Note the kernel's state, a value of KernelState (ValueError otherwise), in the record; the
    /// first activation and the end are stamped.
    fn set_state(&self, state: &str) -> PyResult<()> {
        let state = known_state(state)?;
        if let Some(ledger) = self.mailbox.ledger() {
            ledger.set_state(state);
        }
        Ok(())
    }

    /// Record and queues at one moment. RuntimeError where the mailbox was made without telemetry.
    fn snapshot(&self) -> PyResult<Snapshot> {
        let missing = || PyRuntimeError::new_err("nothing is counted: made with telemetry=False");
        self.mailbox.snapshot().map(Snapshot).ok_or_else(missing)
    }

    /// Messages in the input queue.
    #[getter]
    fn queue_depth(&self) -> u64 {
        self.mailbox.depths().queue
    }

    /// Messages taken and not ended.
    #[getter]
    fn in_flight(&self) -> u64 {
        self.mailbox.depths().in_flight
    }

    /// Replies and error replies in the output queue.
    #[getter]
    fn output_depth(&self) -> u64 {
        self.mailbox.depths().output
    }

    /// Whether the kernel has no work: nothing queued or in flight, and it has asked for more.
    #[getter]
    fn is_idle(&self) -> bool {
        self.mailbox.is_idle()
    }

    /// Whether the oldest reply is an error. BusyError.
    #[getter]
    fn is_error_next(&self) -> PyResult<bool> {
        self.mailbox.is_error_next().map_err(busy)
    }
}

fn accepted(put: Result<Put, Busy>) -> PyResult<usize> {
    match put.map_err(busy)? {
        Put::Accepted(count) => Ok(count),
        Put::Closed => Err(ClosedError::new_err("this queue takes nothing any more")),
    }
}

fn busy(_busy: Busy) -> PyErr {
    BusyError::new_err("another thread is using this end of the mailbox; wait for it")
}

fn wrong_shape(error: ShapeError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn no_room(error: NoRoom) -> PyErr {
    match error {
        NoRoom::Shape(error) => wrong_shape(error),
        NoRoom::Segment(error) => PyMemoryError::new_err(error.to_string()),
    }
}
