//! The checks of what is kept and shown find what is wrong with it.

use super::*;

#[test]
fn a_hole_in_a_session_is_a_gap() {
    breaks(&[Rule::Gap], |history| {
        let event = &mut history.trail.events[3];
        event.seq = 5;
        history.shown.streams[0].1[3] = event.socket_frame();
    });
}

#[test]
fn a_socket_is_told_everything_once_and_in_order() {
    breaks(&[Rule::Gap], |history| drop(history.shown.streams[0].1.remove(1)));
    breaks(&[Rule::Gap], |history| drop(history.shown.streams[0].1.pop()));
    breaks(&[Rule::Gap], |history| history.shown.streams[0].1.swap(1, 2));
    breaks(&[Rule::Gap], |history| {
        let frames = &mut history.shown.streams[0].1;
        frames.insert(1, frames[1].clone());
    });
    breaks(&[Rule::Gap], |history| history.shown.streams[0].1[0].push(' '));
    breaks(&[Rule::Gap], |history| drop(history.shown.streams.pop()));
}

#[test]
fn a_bot_hears_everything_once_and_in_order() {
    breaks(&[Rule::Gap], |history| drop(history.followed[0].frames.remove(0)));
    breaks(&[Rule::Gap], |history| history.followed[0].frames.swap(0, 1));
    breaks(&[Rule::Gap], |history| {
        let frames = &mut history.followed[0].frames;
        frames.push(frames[1].clone());
    });
    breaks(&[Rule::Gap], |history| history.followed[0].to_the_end = true);
    breaks(&[Rule::Gap], |history| history.followed[1].frames.clear());
    // A server told of what it then did not keep.
    breaks(&[Rule::Gap], |history| {
        let mut phantom = history.trail.events[4].clone();
        phantom.seq = 2;
        history.followed[1].frames.push(phantom.socket_frame());
    });
}

#[test]
fn a_delivery_has_one_row_that_says_delivered() {
    for state in ["pending", "failed", "held"] {
        breaks(&[Rule::Log], |history| history.trail.deliveries[0].state = state.into());
    }
    breaks(&[Rule::Log], |history| history.trail.deliveries[0].attempts = 2);
    breaks(&[Rule::Log], |history| {
        let twin = Delivered { id: 99, ..history.trail.deliveries[0].clone() };
        history.trail.deliveries.push(twin);
    });
    breaks(&[Rule::Log], |history| {
        let row = &history.trail.deliveries[0];
        let stray = Delivered { id: 99, webhook_id: 4, event_id: 3, ..row.clone() };
        history.trail.deliveries.push(stray);
    });
}

#[test]
fn every_attempt_that_was_kept_has_one_row_of_its_own() {
    let failed = |history: &History| {
        let is_it = |row: &Attempted| row.response_status == Some(500);
        history.trail.attempts.iter().position(is_it).expect("there is one")
    };
    breaks(&[Rule::Log], |history| {
        let place = failed(history);
        history.trail.attempts.remove(place);
    });
    breaks(&[Rule::Log], |history| {
        let place = failed(history);
        history.trail.attempts[place].attempt = 2;
    });
    // An answer that nobody gave, a success where there was none, and one too many.
    for status in [503, 200] {
        breaks(&[Rule::Log], |history| {
            let place = failed(history);
            history.trail.attempts[place].response_status = Some(status);
        });
    }
    breaks(&[Rule::Log], |history| {
        let place = failed(history);
        let row = &mut history.trail.attempts[place];
        (row.response_status, row.error_kind) = (None, None);
    });
    // A fault of the connection leaves nothing at a receiver that is away now and then.
    for is_shy in [true, false] {
        breaks(if is_shy { &[] } else { &[Rule::Log] }, |history| {
            let place = failed(history);
            history.hooks[PLAIN].is_shy = is_shy;
            let row = &mut history.trail.attempts[place];
            (row.response_status, row.error_kind) = (None, Some("connect".into()));
        });
    }
    breaks(&[Rule::Log], |history| history.trail.attempts[0].webhook_id = 2);
    breaks(&[Rule::Log], |history| {
        let stray = Attempted { delivery_id: 99, ..history.trail.attempts[0].clone() };
        history.trail.attempts.push(stray);
    });
}

#[test]
fn the_api_shows_what_was_accepted() {
    for (field, value) in [("notes", json!("night 2")), ("is_active", json!(1)), ("games_played", json!(2))] {
        breaks(&[Rule::State], |history| history.shown.sessions[1].0[field] = value);
    }
    for (field, value) in [
        ("game_id", json!(8)),
        ("room_code", json!("ZZZZ")),
        ("status", json!("playing")),
        ("player_count", json!(3)),
    ] {
        breaks(&[Rule::State], |history| history.shown.sessions[1].1[0][field] = value);
    }
    for field in ["upvotes", "downvotes", "play_count"] {
        breaks(&[Rule::State], |history| history.shown.library[0][field] = json!(5));
        breaks(&[Rule::State], |history| history.shown.library[1][field] = json!(5));
    }
    breaks(&[Rule::State], |history| drop(history.shown.library.remove(0)));
    breaks(&[Rule::State], |history| drop(history.shown.sessions.remove(0)));
    breaks(&[Rule::State], |history| history.shown.sessions[1].1.clear());
}

#[test]
fn answers_and_events_agree() {
    breaks(&[Rule::State], |history| history.asked[2].fate = Fate::Accepted(json!({"game": {"upvotes": 2}})));
    breaks(&[Rule::State], |history| history.asked[0].fate = Fate::Accepted(json!({"id": 2})));
    // The second try may be told no more than that it was done.
    breaks(&[], |history| history.asked[3].fate = Fate::Accepted(Value::Null));
}

#[test]
fn what_must_not_happen_is_told() {
    breaks(&[Rule::Odd], |history| history.odd.push("the server's log: ERROR".into()));
}
