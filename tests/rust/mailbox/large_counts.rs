//! Counts past 2**32, against the same life counted from 0.

use _core::clock::MockClock;
use _core::mailbox::MailboxOptions;
use _core::record::Shown;
use proptest::prelude::*;

use super::model::Model;
use super::{OPTIONS, assert_conserved, life, open_counting_from, step};

/// Shown counts that start at `first`, without it. Whether a late answer finds a message left long
/// ago is all that a past may change, so what was left and what was answered are one number here.
fn since_first(shown: &Shown, first: u64) -> [u64; 10] {
    [
        shown.messages_received - 5 * first,
        shown.messages_processed + shown.messages_unanswered - 2 * first,
        shown.messages_errored - first,
        shown.messages_dropped - first,
        shown.messages_discarded - first,
        shown.messages_sent - first,
        shown.error_replies - first,
        shown.replies_received - first,
        shown.replies_discarded - first,
        shown.messages_rejected + shown.errors - 2 * first,
    ]
}

proptest! {
    #[test]
    fn counts_past_two_to_the_thirty_second_go_on_as_small_ones_do(
        steps in life(), drop_oldest: bool, replies: bool, below in 0_u64..5,
    ) {
        let options = MailboxOptions { drop_oldest, replies, ..OPTIONS };
        let sides = [0, (1 << 32) - below].map(|first| {
            let mut mailbox = open_counting_from(first, options, &MockClock::new());
            let (mut model, mut baseline) = (Model::new(options), None);
            let after_each = steps.iter().map(|one| {
                step(&mut mailbox, &mut model, &mut baseline, one);
                let snapshot = mailbox.snapshot().unwrap();
                let shown = snapshot.since(baseline.as_ref());
                assert_conserved(&snapshot, &shown);
                since_first(&shown, if baseline.is_none() { first } else { 0 })
            });
            after_each.collect::<Vec<_>>()
        });
        prop_assert_eq!(&sides[0], &sides[1]);
    }
}
