//! The checks of order find what is out of it.

use super::*;

#[test]
fn an_event_before_an_earlier_one_was_taken_is_inverted() {
    for hook in [BY_SESSION, FIFO] {
        // The second event fails first; the third one must not come before it was taken.
        breaks(&[Rule::Inverted], |history| {
            let failed = history.receipts[places(history, hook, "e2")[0]].at;
            moved(history, hook, "e3", failed + SECOND / 2);
        });
        // Not even before it came at all.
        breaks(&[Rule::Inverted], |history| moved(history, hook, "e3", 3 * SECOND));
        // Nor while it is under way.
        breaks(&[Rule::Inverted], |history| {
            let taken = history.receipts[places(history, hook, "e2")[1]].success().expect("taken");
            moved(history, hook, "e3", taken - 1);
        });
        breaks(&[], |history| {
            let taken = history.receipts[places(history, hook, "e2")[1]].success().expect("taken");
            moved(history, hook, "e3", taken);
        });
    }
    breaks(&[], |history| moved(history, PLAIN, "e3", 3 * SECOND));
}

/// Lets an event of the first session come again in the second life.
fn back(history: &mut History, hook: usize, place: usize, at: Micros) {
    let event = history.trail.events[place].clone();
    let reply = Reply::Status { status: 200, at: at + 10 };
    history.receipts.push(receipt(history, hook, 1, &event, at, reply));
    history.receipts.sort_by_key(|receipt| receipt.at);
}

#[test]
fn after_a_kill_the_order_holds_again() {
    // All of it was taken just before the kill: it may come again, as long as nothing goes back.
    let just_before_the_kill = |history: &mut History| {
        let late = KILLED - 90_000;
        for (offset, id) in (0..).zip(["e3", "e4"]) {
            moved(history, BY_SESSION, id, late + offset * 1_000);
        }
    };
    let start = KILLED + 3 * SECOND;
    breaks(&[], |history| {
        just_before_the_kill(history);
        back(history, BY_SESSION, 2, start);
        back(history, BY_SESSION, 3, start + SECOND);
    });
    breaks(&[Rule::Inverted], |history| {
        just_before_the_kill(history);
        back(history, BY_SESSION, 3, start);
        back(history, BY_SESSION, 2, start + SECOND);
    });
    // The later one comes while the earlier one, come again, has not been taken.
    breaks(&[Rule::Inverted], |history| {
        just_before_the_kill(history);
        back(history, BY_SESSION, 2, start);
        let place = places(history, BY_SESSION, "e3")[1];
        history.receipts[place].reply = Reply::Status { status: 500, at: start + 10 };
        back(history, BY_SESSION, 3, start + SECOND);
        back(history, BY_SESSION, 2, start + 2 * SECOND);
    });
}

#[test]
fn sessions_flow_past_each_other_but_not_in_one_queue() {
    // The second session's first event comes before the first session's last one.
    let overtake = |hook| move |history: &mut History| moved(history, hook, "e4", KILLED + 4 * SECOND);
    let life = |hook| {
        move |history: &mut History| {
            overtake(hook)(history);
            let place = places(history, hook, "e4")[0];
            history.receipts[place].life = 1;
        }
    };
    breaks(&[], life(BY_SESSION));
    breaks(&[Rule::Inverted], life(FIFO));
}

#[test]
fn what_stands_in_no_session_keeps_the_order_of_one_queue_alone() {
    for (hook, rules) in [(BY_SESSION, &[][..]), (FIFO, &[Rule::Inverted])] {
        breaks(rules, |history| {
            fire(history);
            // Before the end of the session, which was accepted first, was taken.
            let taken = history.receipts[places(history, hook, "e4")[0]].success().expect("taken");
            moved(history, hook, "e6", taken - 5);
        });
    }
}

#[test]
fn one_queue_has_one_request_under_way() {
    // The last event comes while the one before it, of another session, has not been answered.
    let overlap = |history: &mut History| {
        let came = history.receipts[places(history, FIFO, "e5")[0]].at;
        moved(history, FIFO, "e4", came - 5);
        // Nobody knows which of the two was to come first.
        history.asked[4].at = history.asked[3].at;
    };
    breaks(&[Rule::Inverted], overlap);
    breaks(&[], |history| {
        overlap(history);
        history.hooks[FIFO].ordering = Ordering::Session;
    });
}
