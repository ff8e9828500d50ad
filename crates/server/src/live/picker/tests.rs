//! The dialect by transcripts, see [`play`].

mod following;
mod play;

use self::play::{Play, event, play, play_signed_in};
use super::*;

#[test]
fn before_auth_only_a_ping_is_answered() {
    play(
        r#"
        > {"type":"ping"}
        < pong
        > {"type":"subscribe","sessionId":3}
        < error: Not authenticated
        > {"type":"unsubscribe","sessionId":3}
        < error: Not authenticated
        > {"type":"subscribe","sessionId":"x"}
        < error: Not authenticated
        > not json
        < error: Not authenticated
        > binary
        < error: Not authenticated
        "#,
    );
}

#[test]
fn a_bad_token_is_refused_and_a_good_one_is_kept() {
    play(
        r#"
        > {"type":"auth"}
        < auth_error: Token required
        > {"type":"auth","token":"old"}
        < verify old
        = bad
        < auth_error: Invalid or expired token
        > {"type":"subscribe","sessionId":3}
        < error: Not authenticated
        > {"type":"auth","token":"new"}
        < verify new
        = good
        < hear everyone
        < auth_success
        > {"type":"auth","token":"worse"}
        < verify worse
        = bad
        < auth_error: Invalid or expired token
        > {"type":"subscribe","sessionId":3}
        < join session:3
        = span 1..1
        < subscribed 3
        < release session:3 at 1
        > {"type":"auth","token":"again"}
        < verify again
        = good
        < auth_success
        "#,
    );
}

#[test]
fn what_is_no_message_is_answered_with_an_error() {
    play_signed_in(
        r#"
        > binary
        < error: Messages must be JSON text
        > {"type":"subscribe","sessionId":"x"}
        < error: sessionId must be an integer
        > {"type":"ping"}
        < pong
        "#,
    );
    for text in ["{", "[]", "{}", r#"{"type":"dance"}"#] {
        let mut play = Play::new();
        play.dialect.auth = Auth::Granted;
        play.input(&format!("> {text}"));
        let output = play.output();
        assert!(output.len() == 1 && output[0].starts_with("error: "), "{text}: {output:?}");
    }
}

#[test]
fn a_socket_that_never_says_auth_is_closed() {
    play(
        r#"
        > {"type":"ping"}
        < pong
        @ 29999
        > {"type":"ping"}
        < pong
        @ 30000
        < close NoAuth
        "#,
    );
    play(
        r#"
        > {"type":"auth"}
        < auth_error: Token required
        @ 30000
        @ 59999
        @ 60000
        < close Silent
        "#,
    );
}

#[test]
fn every_frame_puts_the_idle_timeout_off() {
    play_signed_in(
        r#"
        @ 59999
        > {"type":"ping"}
        < pong
        @ 60000
        @ 119998
        @ 119999
        < close Silent
        "#,
    );
}

#[test]
fn live_events_come_in_order_and_once() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3}
        < join session:3
        = span 1..5
        < subscribed 3
        < release session:3 at 5
        ? nothing
        = live
        * 3/5
        * 3/6
        < event 3/6
        * 3/6
        * 3/7
        < event 3/7
        * 4/2
        > {"type":"subscribe","sessionId":3}
        < subscribed 3
        * 3/8
        < event 3/8
        > {"type":"unsubscribe","sessionId":3}
        < leave session:3
        < unsubscribed 3
        * 3/9
        > {"type":"unsubscribe","sessionId":3}
        < unsubscribed 3
        "#,
    );
}

#[test]
fn an_unknown_session_is_left_at_once() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":-3,"after":0}
        < join session:-3 after 0
        = no session
        < leave session:-3
        < error: Session not found
        ? nothing
        "#,
    );
}

#[test]
fn what_was_missed_comes_before_anything_live() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3,"after":2}
        < join session:3 after 2
        = span 1..4
        < subscribed 3
        ? session:3 after 2
        * 3/5
        = page 3..4
        < event 3/3
        < event 3/4
        < release session:3 at 4
        = behind 5
        ? session:3 after 4
        = page 3..6
        < event 3/5
        < event 3/6
        < release session:3 at 6
        = live
        ? nothing
        * 3/6
        * 3/7
        < event 3/7
        "#,
    );
}

#[test]
fn a_gap_is_filled_from_the_log() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3}
        < join session:3
        = span 1..5
        < subscribed 3
        < release session:3 at 5
        = live
        * 3/8
        < hold session:3
        * 3/9
        ? session:3 after 5
        = page 6..9
        < event 3/6
        < event 3/7
        < event 3/8
        < event 3/9
        < release session:3 at 9
        = live
        * 3/10
        < event 3/10
        "#,
    );
}

#[test]
fn a_position_that_the_log_cannot_continue_is_answered_with_resync() {
    for (after, span) in [("41", "1..40"), ("7", "9..40"), ("9007199254740991", "1..40")] {
        play_signed_in(&format!(
            r#"
            > {{"type":"subscribe","sessionId":3,"after":{after}}}
            < join session:3 after {after}
            = span {span}
            < subscribed 3
            < resync 3 at 40
            < release session:3 at 40
            = live
            * 3/41
            < event 3/41
            "#
        ));
    }
    for (after, span) in [("40", "1..40"), ("0", "1..0")] {
        play_signed_in(&format!(
            r#"
            > {{"type":"subscribe","sessionId":3,"after":{after}}}
            < join session:3 after {after}
            = span {span}
            < subscribed 3
            < release session:3 at {after}
            "#
        ));
    }
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3,"after":8}
        < join session:3 after 8
        = span 9..10
        < subscribed 3
        ? session:3 after 8
        "#,
    );
}

#[test]
fn a_log_with_a_hole_leads_to_resync_instead_of_asking_for_ever() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3,"after":1}
        < join session:3 after 1
        = span 1..9
        < subscribed 3
        = page 4..5
        < resync 3 at 3
        < event 3/4
        < event 3/5
        < release session:3 at 5
        = behind 9
        = page 9..8
        < resync 3 at 9
        < release session:3 at 9
        = live
        ? nothing
        "#,
    );
}

#[test]
fn sessions_that_catch_up_take_turns() {
    let mut play = Play::new();
    play.dialect.auth = Auth::Granted;
    for id in [3, 4] {
        play.input(&format!(r#"> {{"type":"subscribe","sessionId":{id},"after":0}}"#));
        play.output();
        play.input("= span 1..1000");
        play.output();
    }
    for (topic, after) in [("session:3", 0), ("session:4", 0), ("session:3", 500), ("session:4", 500)] {
        let page = play.dialect.next_page().expect("more to read");
        assert_eq!((&*page.topic, page.after), (topic, after));
        play.input(&format!("= page {}..{}", after + 1, after + 500));
        assert_eq!(play.output().len(), 500, "a full page is not the end");
    }
    play.input("= page 1001..1000");
    assert_eq!(play.output(), ["release session:3 at 1000"]);
}

#[test]
fn subscribing_again_with_a_position_starts_the_replay_over() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3}
        < join session:3
        = span 1..5
        < subscribed 3
        < release session:3 at 5
        = live
        > {"type":"subscribe","sessionId":3,"after":3}
        < join session:3 after 3
        = span 1..6
        < subscribed 3
        * 3/7
        ? session:3 after 3
        > {"type":"subscribe","sessionId":3,"after":4}
        < join session:3 after 4
        = span 1..6
        < subscribed 3
        ? session:3 after 4
        = page 5..6
        < event 3/5
        < event 3/6
        < release session:3 at 6
        = live
        ? nothing
        "#,
    );
}

#[test]
fn unsubscribing_ends_a_replay() {
    play_signed_in(
        r#"
        > {"type":"subscribe","sessionId":3,"after":0}
        < join session:3 after 0
        = span 1..6
        < subscribed 3
        > {"type":"unsubscribe","sessionId":3}
        < leave session:3
        < unsubscribed 3
        ? nothing
        "#,
    );
}

#[test]
fn a_start_that_was_replayed_is_not_told_again_to_everybody() {
    let started = event(3, 1).socket_frame();
    play_signed_in(&format!(
        r#"
        > {{"type":"subscribe","sessionId":3,"after":0}}
        < join session:3 after 0
        = span 1..2
        < subscribed 3
        = page 1..2
        < event 3/1
        < event 3/2
        < release session:3 at 2
        = live
        * everyone {started}
        * everyone {}
        < event 4/1
        * everyone {started}
        < event 3/1
        "#,
        event(4, 1).socket_frame()
    ));
}

#[test]
fn the_limit_of_subscriptions_is_named_and_exact() {
    let mut play = Play::new();
    play.dialect.auth = Auth::Granted;
    let mut subscribe = |id: usize| {
        play.input(&format!(r#"> {{"type":"subscribe","sessionId":{id}}}"#));
        let output = play.output();
        if play.join.is_some() {
            play.input("= span 1..1");
            play.output();
        }
        output
    };
    for id in 0..SUBSCRIPTIONS_MAX_PER_SOCKET {
        assert_eq!(subscribe(id), [format!("join session:{id}")]);
    }
    let complaint = "error: At most 100 sessions can be subscribed to at once";
    assert_eq!(subscribe(SUBSCRIPTIONS_MAX_PER_SOCKET), [complaint]);
    assert_eq!(subscribe(7), ["subscribed 7"], "those it has are not touched");
}
